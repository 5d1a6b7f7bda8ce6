"""The circuit breaker opens, waits, tries once, and closes."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.breaker import CircuitBreaker, CircuitOpenError
from services.metrics import PROCESS


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
    breaker = CircuitBreaker("it", failures=2, open_seconds=10, clock=Clock())
    fail(breaker)
    succeed(breaker)
    fail(breaker)
    assert not breaker.is_open
    fail(breaker)
    assert breaker.is_open
    with pytest.raises(CircuitOpenError, match="2 times in a row"):
        succeed(breaker)


def test_an_answer_that_is_no_failure_of_the_service_closes_it() -> None:
    breaker = CircuitBreaker("it", failures=2, open_seconds=10, clock=Clock())
    fail(breaker)
    fail(breaker, KeyError)
    fail(breaker)
    assert not breaker.is_open


def test_it_tries_again_after_a_while() -> None:
    clock = Clock()
    breaker = CircuitBreaker("it", failures=1, open_seconds=10, clock=clock)
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
    breaker = CircuitBreaker("it", failures=1, open_seconds=10, clock=clock)
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
    breaker = CircuitBreaker("it", failures=1, open_seconds=10)
    together = threading.Barrier(3, timeout=30)

    def meet() -> None:
        with breaker.call(OSError):
            together.wait()

    with ThreadPoolExecutor(3) as threads:
        for met in [threads.submit(meet) for _ in range(3)]:
            met.result(timeout=30)


def shown(service: str) -> float | None:
    return PROCESS.get_sample_value("vibe_search_circuit_open", {"service": service})


def test_the_figures_tell_that_it_is_open_until_a_call_succeeds() -> None:
    clock = Clock()
    breaker = CircuitBreaker("a store", failures=2, open_seconds=10, clock=clock)
    assert shown("a store") == 0
    fail(breaker)
    assert shown("a store") == 0
    fail(breaker)
    assert shown("a store") == 1
    clock.now += 11  # the next call would be let through, and nobody knows that it will be answered
    assert shown("a store") == 1
    succeed(breaker)
    assert shown("a store") == 0


def test_one_of_two_for_the_same_service_is_enough_and_those_that_are_gone_do_not_count() -> None:
    closed = CircuitBreaker("a service", failures=1, open_seconds=10)
    breaker = CircuitBreaker("a service", failures=1, open_seconds=10)
    fail(breaker)
    assert shown("a service") == 1
    del breaker
    gc.collect()
    assert shown("a service") == 0
    del closed
    gc.collect()
    assert shown("a service") is None
