"""How long the pauses are between the attempts to reach a service."""

import pytest
from tenacity import Future, RetryCallState

from services.attempts import TryAgainError, attempts_within


def pause(attempt: int, after: float = 0.0) -> float:
    """Seconds that are waited after an attempt that failed, the first of which is 1."""
    retrying = attempts_within(60)
    state = RetryCallState(retrying, None, (), {})
    state.attempt_number = attempt
    state.outcome = Future(attempt)
    state.outcome.set_exception(TryAgainError("busy", after))
    return retrying.wait(state)


@pytest.mark.parametrize(("attempt", "least"), [(1, 0.2), (2, 0.4), (3, 0.8), (4, 1.6)])
def test_each_pause_is_twice_as_long_and_a_little_by_chance(attempt: int, least: float) -> None:
    found = [pause(attempt) for _ in range(20)]
    assert all(least <= seconds <= least + 0.2 for seconds in found)
    assert len(set(found)) > 1


def test_no_pause_is_longer_than_ten_seconds() -> None:
    assert pause(20) <= 10.2


def test_a_service_that_asks_for_more_time_gets_it() -> None:
    assert pause(1, after=7.5) == 7.5
