"""Which model search reads."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg


def test_two_that_point_search_at_the_serving_model_wait_for_each_other(
    database: str, connection: psycopg.Connection[Any]
) -> None:
    """A migration of each of two servers that start at once, say: one would fail with `tuple concurrently updated`."""
    bind = "select search_internal.bind_nearest_tracks()"
    waiting = "select from pg_stat_activity where pid = %s and wait_event_type = 'Lock'"
    with psycopg.connect(database) as one, psycopg.connect(database) as other, ThreadPoolExecutor(1) as threads:
        one.execute(bind)
        second = threads.submit(other.execute, bind)
        while not second.done() and connection.execute(waiting, [other.info.backend_pid]).fetchone() is None:
            pass
        one.commit()
        second.result()
        other.commit()
