"""Leaving nothing in the audio store that no track uses."""

import asyncio
from datetime import UTC, datetime, timedelta

from app.database import Database
from services.audio_store import AudioStore

_FEWEST_HOURS_OF_AN_UPLOAD = 6.0
"""What is half written for longer is of an upload that died."""


async def sweep(database: Database, store: AudioStore, unused_for: timedelta) -> int:
    """Remove uploaded files that no track uses; files that came into the store in another way are left alone.

    Each is removed while its row is locked, so that no track can begin to use it; a process that dies in between leaves
    the row, and the next sweep goes on. A store that is only read is left alone.

    Args:
        database: The database.
        store: Where the files lie.
        unused_for: How long they must have been without a track.

    Returns:
        How many were removed.
    """
    if not store.writable:
        return 0
    removed = 0
    while True:
        async with database.transaction() as transaction:
            audio = await transaction.one_or_none("take_unused_audio", {"unused_for": unused_for})
            if audio is None:
                return removed
            if not audio.used:
                await asyncio.to_thread(store.remove, audio.file_id, audio.file_type)
                removed += 1


async def remove_unfinished(store: AudioStore) -> None:
    """Remove what processes that died have left half written; a store that is only read is left alone."""
    if store.writable:
        before = datetime.now(UTC) - timedelta(hours=_FEWEST_HOURS_OF_AN_UPLOAD)
        await asyncio.to_thread(store.remove_unfinished, before)
