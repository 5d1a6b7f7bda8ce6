"""When a failed job runs again."""

import random
from datetime import UTC, datetime, timedelta

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from app.processing.track_job import PermanentJobError
from app.settings import get_settings
from services.audio_store import AudioMissingError

AWAITED_AUDIO_QUEUE = "awaited_audio"
"""Queue of the jobs whose audio the store lacks: so they are told from those that failed or are due."""

TRACK_QUEUES = {"embed_track": "embed", "classify_genres": "classify"}
"""Queue of each task on tracks while its audio is there."""

_FIRST_WAIT_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 600.0
_FIRST_WAIT_FOR_AUDIO_SECONDS = 15.0
_LONGEST_WAIT_FOR_AUDIO_SECONDS = 3600.0
_MOST_DOUBLINGS = 20


class Backoff(BaseRetryStrategy):
    """Exponential waits with full jitter up to JOB_MAX_ATTEMPTS; permanent errors fail at once.

    A job whose audio the store lacks waits in a queue of its own, and such attempts do not use up JOB_MAX_ATTEMPTS:
    the job itself says when the wait is over.

    Full jitter spreads the retries of jobs that failed together:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Wait ``random(0.5, 1) * min(600, 2 * 2**attempts)`` seconds, or give up.

        For audio that is missing it is ``random(0.5, 1) * min(3600, 15 * 2**attempts)`` seconds.
        """
        if isinstance(exception, PermanentJobError):
            return None
        if isinstance(exception, AudioMissingError):
            retry_at = _wait_until(_FIRST_WAIT_FOR_AUDIO_SECONDS, _LONGEST_WAIT_FOR_AUDIO_SECONDS, job.attempts)
            return RetryDecision(retry_at=retry_at, queue=AWAITED_AUDIO_QUEUE)
        if not may_retry(job, get_settings().job_max_attempts):
            return None
        retry_at = _wait_until(_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS, job.attempts)
        return RetryDecision(retry_at=retry_at, queue=queue_of(job))


def may_retry(job: Job, most_attempts: int) -> bool:
    """Whether a job has attempts left; one that has waited for its audio has one more, however long it has waited."""
    return job.queue == AWAITED_AUDIO_QUEUE or job.attempts + 1 < most_attempts


def queue_of(job: Job) -> str:
    """The queue in which a job is tried again once its audio is there."""
    return TRACK_QUEUES[job.task_name] if job.queue == AWAITED_AUDIO_QUEUE else job.queue


def _wait_until(first: float, longest: float, attempts: int) -> datetime:
    ceiling = min(longest, first * 2.0 ** min(attempts, _MOST_DOUBLINGS))
    wait = ceiling * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing
    return datetime.now(UTC) + timedelta(seconds=wait)
