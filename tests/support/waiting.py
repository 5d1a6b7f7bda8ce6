"""Two that write at once: the second is seen to wait before the first goes on."""

from concurrent.futures import Future
from typing import Any

import psycopg

_WAITS = "select from pg_stat_activity where pid = %s and wait_event_type = 'Lock'"


def wait_behind_lock(
    second: "Future[Any]", connection: psycopg.Connection[Any], observer: psycopg.Connection[Any]
) -> None:
    """Return once a statement waits for a lock, or has ended without.

    Args:
        second: The statement, which runs in a thread.
        connection: What it runs on.
        observer: Another connection, which commits by itself.
    """
    while not second.done() and observer.execute(_WAITS, [connection.info.backend_pid]).fetchone() is None:
        pass
