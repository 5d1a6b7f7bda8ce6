"""Leaving nothing in the audio store that no track uses."""

import asyncio
from datetime import UTC, datetime, timedelta

from procrastinate import JobContext

from app.database import Database
from services.audio_store import AudioStore
from workers.app import app
from workers.track_job import worker_context

_FEWEST_HOURS_OF_AN_UPLOAD = 6.0
"""What is half written for longer is of an upload that died."""


@app.periodic(cron="* * * * *")
@app.task(name="remove_unused_audio", queue="upkeep", pass_context=True)
async def remove_unused_audio(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate passes it
    """Remove uploads that no track has used for UNUSED_AUDIO_HOURS: of deleted tracks, and of processes that died."""
    worker = worker_context(context)
    store = worker.providers.audio_store
    if store.writable:
        await sweep(worker.database, store, timedelta(hours=worker.settings.unused_audio_hours))


@app.periodic(cron="47 * * * *")
@app.task(name="remove_unfinished_audio", queue="upkeep", pass_context=True)
async def remove_unfinished_audio(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - as above
    """Remove what processes that died have left half written in the store."""
    store = worker_context(context).providers.audio_store
    if store.writable:
        before = datetime.now(UTC) - timedelta(hours=_FEWEST_HOURS_OF_AN_UPLOAD)
        await asyncio.to_thread(store.remove_unfinished, before)


async def sweep(database: Database, store: AudioStore, unused_for: timedelta) -> int:
    """Remove uploaded files that no track uses; files that came into the store in another way are left alone.

    Each is removed while its row is locked, so that no track can begin to use it; a process that dies in between leaves
    the row, and the next sweep goes on.

    Args:
        database: The database.
        store: Where the files lie.
        unused_for: How long they must have been without a track.

    Returns:
        How many were removed.
    """
    removed = 0
    while True:
        async with database.transaction() as transaction:
            audio = await transaction.one_or_none("take_unused_audio", {"unused_for": unused_for})
            if audio is None:
                return removed
            if not audio.used:
                await asyncio.to_thread(store.remove, audio.file_id, audio.file_type)
                removed += 1
