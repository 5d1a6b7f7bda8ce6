"""Loading once, keeping while in use, dropping when idle."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.runtime.idle import LoadedOnDemand


class Heavy:
    """Something large."""


class Loader:
    """Counts what it loads, and takes its time."""

    def __init__(self, seconds: float = 0.0, failures: int = 0) -> None:
        self.loads = 0
        self.failures = failures
        self._seconds = seconds

    def __call__(self) -> Heavy:
        """Load, or fail as often as it is meant to."""
        self.loads += 1
        time.sleep(self._seconds)
        if self.loads <= self.failures:
            raise OSError("the disk is slow to wake")
        return Heavy()


def wait_until_dropped(resource: LoadedOnDemand[Heavy]) -> None:
    deadline = time.monotonic() + 10
    while resource.loaded and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not resource.loaded


def test_it_is_loaded_when_it_is_first_used() -> None:
    load = Loader()
    resource = LoadedOnDemand(load, 0)
    assert (load.loads, resource.loaded) == (0, False)
    with resource.use() as first, resource.use() as second:
        assert first is second
    assert (load.loads, resource.loaded) == (1, True)


def test_many_threads_that_ask_at_once_load_once() -> None:
    load = Loader(seconds=0.1)
    resource = LoadedOnDemand(load, 0.05)
    together = threading.Barrier(8)

    def ask(_: int) -> int:
        together.wait()
        with resource.use() as heavy:
            return id(heavy)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert load.loads == 1


def test_it_is_dropped_after_its_time_and_loaded_again() -> None:
    load = Loader()
    resource = LoadedOnDemand(load, 0.05)
    with resource.use() as heavy:
        seen = weakref.ref(heavy)
    del heavy
    wait_until_dropped(resource)
    gc.collect()
    assert seen() is None, "its memory is free again"

    with resource.use():
        pass
    assert load.loads == 2


def test_it_stays_while_anybody_uses_it() -> None:
    resource = LoadedOnDemand(Loader(), 0.05)
    with resource.use() as heavy:
        with resource.use():
            pass
        time.sleep(0.3)
        assert resource.loaded
        with resource.use() as same:
            assert same is heavy
    wait_until_dropped(resource)


def test_every_use_begins_its_time_anew() -> None:
    load = Loader()
    resource = LoadedOnDemand(load, 2.0)
    until = time.monotonic() + 2.5
    while time.monotonic() < until:
        with resource.use():
            time.sleep(0.05)
    assert load.loads == 1


def test_without_idle_seconds_it_is_kept_and_no_thread_waits() -> None:
    resource = LoadedOnDemand(Loader(), 0)
    before = threading.active_count()
    with resource.use():
        pass
    assert threading.active_count() == before
    assert resource.loaded


def test_waiting_for_the_drop_does_not_hold_the_process_up() -> None:
    resource = LoadedOnDemand(Loader(), 600)
    with resource.use():
        pass
    waiting = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert waiting
    assert all(thread.daemon for thread in waiting)


def test_a_failure_to_load_is_not_kept() -> None:
    load = Loader(failures=1)
    resource = LoadedOnDemand(load, 0.05)
    with pytest.raises(OSError, match="slow to wake"), resource.use():
        pass
    with resource.use() as heavy:
        assert isinstance(heavy, Heavy)
    wait_until_dropped(resource)


def test_an_error_of_its_user_does_not_keep_it_for_ever() -> None:
    resource = LoadedOnDemand(Loader(), 0.05)
    with pytest.raises(ZeroDivisionError), resource.use():
        raise ZeroDivisionError
    wait_until_dropped(resource)


def test_a_timer_that_comes_late_drops_nothing_that_is_in_use() -> None:
    resource = LoadedOnDemand(Loader(), 599)
    with resource.use():
        pass
    (late,) = (
        thread for thread in threading.enumerate() if isinstance(thread, threading.Timer) and thread.interval == 599
    )
    with resource.use():
        late.function()
        assert resource.loaded
    late.function()
    assert resource.loaded, "another timer runs by now"
