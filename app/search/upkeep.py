"""Bringing up to date what searches read and no transaction of the catalogue keeps."""

from app.database import Database


async def fold_track_counts(database: Database) -> None:
    """Bring the counts of artists, albums, tags and playlists up to date, and with them their popularity."""
    async with database.transaction() as transaction:
        await transaction.execute("fold_track_counts")


async def fold_word_counts(database: Database) -> None:
    """Bring the counts of the vocabulary's words up to date, and remove words that no listed name has."""
    async with database.transaction() as transaction:
        await transaction.execute("fold_word_counts")


async def refresh_common_words(database: Database) -> None:
    """Learn which words are common, from the statistics that autovacuum keeps."""
    async with database.transaction() as transaction:
        await transaction.execute("refresh_common_words")
