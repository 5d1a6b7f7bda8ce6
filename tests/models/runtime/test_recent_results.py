"""Sharing one computation between two callers."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import pytest

from models.runtime.recent_results import RecentResults


def test_callers_at_the_same_time_share_one_computation() -> None:
    results: RecentResults[int] = RecentResults(2)
    started, release, calls = Event(), Event(), []

    def compute() -> int:
        calls.append(1)
        started.set()
        assert release.wait(10)
        return 7

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(results.get, b"a", compute)
        assert started.wait(10)
        second = pool.submit(results.get, b"a", lambda: 8)
        release.set()
        assert (first.result(), second.result()) == (7, 7)
    assert calls == [1]


def test_a_failure_is_raised_and_not_kept() -> None:
    results: RecentResults[int] = RecentResults(2)
    with pytest.raises(ZeroDivisionError):
        results.get(b"a", lambda: 1 // 0)
    assert results.get(b"a", lambda: 3) == 3


def test_only_the_last_few_are_kept() -> None:
    results: RecentResults[int] = RecentResults(2)
    for number, key in enumerate((b"a", b"b", b"c")):
        assert results.get(key, partial(int, number)) == number
    assert results.get(b"c", lambda: 9) == 2
    assert results.get(b"a", lambda: 9) == 9
