"""When a failed job runs again."""

from datetime import UTC, datetime

import pytest
from procrastinate.jobs import Job

from app.processing.track_job import PermanentJobError
from app.settings import get_settings
from workers.retry import Backoff


def job(attempts: int) -> Job:
    return Job(id=1, queue="embed", lock=None, queueing_lock=None, task_name="embed_track", attempts=attempts)


@pytest.mark.parametrize(("attempts", "least", "most"), [(0, 1, 2), (1, 2, 4), (3, 8, 16)])
def test_waits_grow(attempts: int, least: float, most: float) -> None:
    before = datetime.now(UTC)
    decision = Backoff().get_retry_decision(exception=OSError(), job=job(attempts))
    assert decision is not None
    assert decision.retry_at is not None
    assert least <= (decision.retry_at - before).total_seconds() <= most + 1


def test_it_gives_up_at_the_limit() -> None:
    last = get_settings().job_max_attempts - 1
    assert Backoff().get_retry_decision(exception=OSError(), job=job(last - 1)) is not None
    assert Backoff().get_retry_decision(exception=OSError(), job=job(last)) is None


def test_a_permanent_error_is_final() -> None:
    assert Backoff().get_retry_decision(exception=PermanentJobError("broken"), job=job(0)) is None
