"""Which model search reads."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from tests.support.waiting import wait_behind_lock


def test_two_that_point_search_at_the_serving_model_wait_for_each_other(
    database: str, connection: psycopg.Connection[Any]
) -> None:
    """A migration of each of two servers that start at once, say: one would fail with `tuple concurrently updated`."""
    bind = "select search_internal.bind_nearest_tracks()"
    with psycopg.connect(database) as one, psycopg.connect(database) as other, ThreadPoolExecutor(1) as threads:
        one.execute(bind)
        second = threads.submit(other.execute, bind)
        wait_behind_lock(second, other, connection)
        one.commit()
        second.result()
        other.commit()
