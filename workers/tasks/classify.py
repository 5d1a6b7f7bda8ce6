"""Genre classification of recordings."""

from procrastinate import JobContext

from app.processing.genres import genre_job
from workers.app import app
from workers.context import worker_context
from workers.retry import Backoff
from workers.track_job import run_track_job


@app.task(name="classify_genres", queue="classify", retry=Backoff(), pass_context=True)
async def classify_genres(context: JobContext, *, track_id: int, file_id: str) -> None:
    """Store ``extra.genre_predictions`` and ``extra.genre_predictions_file_id`` of a track, and its automatic tags.

    Raises:
        PermanentJobError: The audio cannot be decoded, or the classifier refuses it.
    """
    job = genre_job(worker_context(context).providers)
    # without a classifier it is left to a backfill, which does it when one is configured again
    if job is not None:
        await run_track_job(context, job, track_id=track_id, file_id=file_id)
