"""What the sessions of a test's database are doing, as Postgres sees it."""

import time
from collections.abc import Callable
from typing import Any

import psycopg

_RUNNING = """
    select count(*), count(*) filter (where wait_event_type = 'Lock')
    from pg_stat_activity
    where datname = current_database() and application_name = 'vibe-search' and state = 'active'
"""
_BOUND_SECONDS = 60
"""A test that waits for what never happens fails after it."""


def running(observer: psycopg.Connection[Any]) -> int:
    """Statements of the application that run."""
    return _look(observer)[0]


def waiting_for_locks(observer: psycopg.Connection[Any]) -> int:
    """Those of them that wait for a lock."""
    return _look(observer)[1]


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once something holds."""
    ends = time.monotonic() + _BOUND_SECONDS
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)


def _look(observer: psycopg.Connection[Any]) -> tuple[int, int]:
    row = observer.execute(_RUNNING).fetchone()
    assert row is not None
    return row[0], row[1]
