"""Running a job on a track that the queue has handed out."""

from procrastinate import JobContext

from app.processing.track_job import PermanentJobError, TrackJob, work_on_track
from services.audio_store import AudioMissingError
from workers.context import worker_context

_HOUR_SECONDS = 3600


async def run_track_job(context: JobContext, job: TrackJob, *, track_id: int, file_id: str) -> None:
    """Run a job of the queue.

    Raises:
        PermanentJobError: The audio cannot be decoded, or a classifier refuses it; or the store still lacks the audio
            AUDIO_WAIT_HOURS after the job was enqueued.
        AudioMissingError: The store lacks the audio; the queue looks again later.
        Exception: Anything else, after its reason was recorded; the queue retries.
    """
    worker, attempts = worker_context(context), context.job.attempts + 1
    try:
        await work_on_track(worker.database, worker.providers.audio_store, job, (track_id, file_id), attempts=attempts)
    except AudioMissingError as error:
        waited = float(await worker.database.scalar("seconds_since_enqueued", {"job_id": context.job.id}))
        if waited < worker.settings.audio_wait_hours * _HOUR_SECONDS:
            raise
        hours = round(waited / _HOUR_SECONDS)
        raise PermanentJobError(f"track {track_id}: {error} {hours} hours after its job was enqueued") from error
