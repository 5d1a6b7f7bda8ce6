"""Audio that no track uses."""

from datetime import timedelta

from procrastinate import JobContext

from app.catalogue.unused_audio import remove_unfinished, sweep
from workers.app import app
from workers.context import worker_context


@app.periodic(cron="* * * * *")
@app.task(name="remove_unused_audio", queue="upkeep", pass_context=True)
async def remove_unused_audio(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate passes it
    """Remove uploads that no track has used for UNUSED_AUDIO_HOURS: of deleted tracks, and of processes that died."""
    worker = worker_context(context)
    unused_for = timedelta(hours=worker.settings.unused_audio_hours)
    await sweep(worker.database, worker.providers.audio_store, unused_for)


@app.periodic(cron="47 * * * *")
@app.task(name="remove_unfinished_audio", queue="upkeep", pass_context=True)
async def remove_unfinished_audio(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - as above
    """Remove what processes that died have left half written in the store."""
    await remove_unfinished(worker_context(context).providers.audio_store)
