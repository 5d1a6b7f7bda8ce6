"""The circuit breaker opens, waits, tries once, and closes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.breaker import CircuitBreaker, CircuitOpenError


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def fail(breaker: CircuitBreaker, error: type[Exception] = OSError) -> None:
    with pytest.raises(error), breaker.call(OSError):
        raise error


def succeed(breaker: CircuitBreaker) -> None:
    with breaker.call(OSError):
        pass


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = CircuitBreaker(failures=2, open_seconds=10, clock=Clock())
    fail(breaker)
    succeed(breaker)
    fail(breaker)
    assert not breaker.is_open
    fail(breaker)
    assert breaker.is_open
    with pytest.raises(CircuitOpenError, match="2 times in a row"):
        succeed(breaker)


def test_an_answer_that_is_no_failure_of_the_service_closes_it() -> None:
    breaker = CircuitBreaker(failures=2, open_seconds=10, clock=Clock())
    fail(breaker)
    fail(breaker, KeyError)
    fail(breaker)
    assert not breaker.is_open


def test_it_tries_again_after_a_while() -> None:
    clock = Clock()
    breaker = CircuitBreaker(failures=1, open_seconds=10, clock=clock)
    fail(breaker)
    clock.now += 9.9
    assert breaker.is_open
    clock.now += 0.2
    fail(breaker)
    assert breaker.is_open
    clock.now += 10.1
    succeed(breaker)
    assert not breaker.is_open


def test_one_call_at_a_time_tries() -> None:
    clock = Clock()
    breaker = CircuitBreaker(failures=1, open_seconds=10, clock=clock)
    fail(breaker)
    clock.now += 11
    entered, released = threading.Event(), threading.Event()

    def wait() -> None:
        with breaker.call(OSError):
            entered.set()
            assert released.wait(30)

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(wait)
        assert entered.wait(30)
        with pytest.raises(CircuitOpenError):
            succeed(breaker)
        released.set()
        waiting.result(timeout=30)
    succeed(breaker)


def test_calls_do_not_wait_for_each_other_while_it_is_closed() -> None:
    breaker = CircuitBreaker(failures=1, open_seconds=10)
    together = threading.Barrier(3, timeout=30)

    def meet() -> None:
        with breaker.call(OSError):
            together.wait()

    with ThreadPoolExecutor(3) as threads:
        for met in [threads.submit(meet) for _ in range(3)]:
            met.result(timeout=30)
