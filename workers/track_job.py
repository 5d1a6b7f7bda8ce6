"""Running a job on a track that the queue has handed out."""

from procrastinate import JobContext

from app.processing.track_job import TrackJob, work_on_track
from workers.context import worker_context


async def run_track_job(context: JobContext, job: TrackJob, *, track_id: int, file_id: str) -> None:
    """Run a job of the queue.

    Raises:
        PermanentJobError: The audio cannot be decoded, or a classifier refuses it.
        Exception: Anything else, after its reason was recorded; the queue retries.
    """
    worker, attempts = worker_context(context), context.job.attempts + 1
    await work_on_track(worker.database, worker.providers.audio_store, job, (track_id, file_id), attempts=attempts)
