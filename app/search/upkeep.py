"""Bringing up to date what searches read and no transaction of the catalogue keeps."""

from sqlalchemy.ext.asyncio import AsyncEngine

from app.database import load_query


async def fold_track_counts(engine: AsyncEngine) -> None:
    """Bring the counts of artists, albums, tags and playlists up to date, and with them their popularity."""
    async with engine.begin() as connection:
        await connection.execute(load_query("fold_track_counts"))


async def refresh_common_words(engine: AsyncEngine) -> None:
    """Learn which words are common, from the statistics that autovacuum keeps."""
    async with engine.begin() as connection:
        await connection.execute(load_query("refresh_common_words"))
