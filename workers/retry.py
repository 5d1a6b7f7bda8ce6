"""When a failed job runs again."""

import random
from datetime import UTC, datetime, timedelta

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from app.processing.track_job import PermanentJobError
from app.settings import get_settings

_FIRST_WAIT_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 600.0


class Backoff(BaseRetryStrategy):
    """Exponential waits with full jitter up to JOB_MAX_ATTEMPTS; permanent errors fail at once.

    Full jitter spreads the retries of jobs that failed together:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Wait ``random(0.5, 1) * min(600, 2 * 2**attempts)`` seconds, or give up."""
        if isinstance(exception, PermanentJobError) or job.attempts + 1 >= get_settings().job_max_attempts:
            return None
        ceiling = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2.0**job.attempts)
        wait = ceiling * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=wait))
