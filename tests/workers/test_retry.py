"""When a failed job runs again."""

from datetime import UTC, datetime

import attr
import pytest
from procrastinate.jobs import Job

from app.processing.track_job import PermanentJobError
from app.settings import get_settings
from services.audio_store import AudioMissingError
from workers.retry import AWAITED_AUDIO_QUEUE, Backoff


def job(attempts: int) -> Job:
    return Job(id=1, queue="embed", lock=None, queueing_lock=None, task_name="embed_track", attempts=attempts)


@pytest.mark.parametrize(("attempts", "least", "most"), [(0, 1, 2), (1, 2, 4), (3, 8, 16)])
def test_waits_grow(attempts: int, least: float, most: float) -> None:
    before = datetime.now(UTC)
    decision = Backoff().get_retry_decision(exception=OSError(), job=job(attempts))
    assert decision is not None
    assert decision.retry_at is not None
    assert least <= (decision.retry_at - before).total_seconds() <= most + 1


@pytest.mark.parametrize(("attempts", "least", "most"), [(0, 7.5, 15), (3, 60, 120), (500, 1800, 3600)])
def test_missing_audio_is_awaited_in_its_own_queue(attempts: int, least: float, most: float) -> None:
    before = datetime.now(UTC)
    decision = Backoff().get_retry_decision(exception=AudioMissingError(), job=job(attempts))
    assert decision is not None
    assert decision.retry_at is not None
    assert least <= (decision.retry_at - before).total_seconds() <= most + 1
    assert decision.queue == AWAITED_AUDIO_QUEUE


def test_a_job_that_has_its_audio_at_last_has_another_attempt() -> None:
    waited = attr.evolve(job(70), queue=AWAITED_AUDIO_QUEUE)
    decision = Backoff().get_retry_decision(exception=OSError(), job=waited)
    assert decision is not None
    assert decision.queue == "embed"
    assert Backoff().get_retry_decision(exception=OSError(), job=attr.evolve(waited, queue="embed")) is None


def test_it_gives_up_at_the_limit() -> None:
    last = get_settings().job_max_attempts - 1
    assert Backoff().get_retry_decision(exception=OSError(), job=job(last - 1)) is not None
    assert Backoff().get_retry_decision(exception=OSError(), job=job(last)) is None


def test_a_permanent_error_is_final() -> None:
    assert Backoff().get_retry_decision(exception=PermanentJobError("broken"), job=job(0)) is None
