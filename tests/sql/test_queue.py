"""What DBAs see of the queue, and do to it."""

from typing import Any

import psycopg
import pytest

from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]


def counts(connection: Connection) -> dict[tuple[str, int], dict[str, Any]]:
    """Rows of search_internal.queue_counts by task and priority."""
    cursor = connection.execute("select * from search_internal.queue_counts()")
    names = [column.name for column in cursor.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {(row["task"], row["priority"]): row for row in rows}


def finish(connection: Connection, status: str, condition: str = "true") -> None:
    """Let jobs begin and end."""
    for state in ("doing", status):
        connection.execute(f"update procrastinate_jobs set status = '{state}' where {condition}".encode())


def jobs(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select task_name, (args ->> 'track_id')::bigint, status::text, attempts from procrastinate_jobs "
        "where queue_name not like '%upkeep' order by 1, 2, 3"
    ).fetchall()


def fail(connection: Connection, track: int, task: str, *, permanent: bool) -> None:
    """As the worker does when it gives up."""
    condition = f"task_name = '{task}' and args ->> 'track_id' = '{track}'"
    connection.execute(f"update procrastinate_jobs set attempts = 5 where {condition}".encode())
    finish(connection, "failed", condition)
    connection.execute(
        "insert into search.job_failures (track_id, task, model, file_id, reason, permanent, attempts) "
        "select id, %s, coalesce((select args ->> 'model' from procrastinate_jobs where task_name = %s limit 1), ''), "
        "file_id, 'because', %s, 5 from tracks where id = %s",
        [task, task, permanent, track],
    )


def test_the_queue_is_counted_by_task_and_priority(catalogue: Catalogue, connection: Connection) -> None:
    for number in range(6):
        catalogue.track(f"Track {number}", file_id=f"{number}" * 64)
    connection.execute("select search_internal.defer_job('embed', 'embed_track', '{\"track_id\": 0}', -10)")
    ids = [row[0] for row in connection.execute("select id from procrastinate_jobs where task_name = 'embed_track' "
                                                "and priority = 0 order by id").fetchall()]  # fmt: skip
    finish(connection, "succeeded", f"id in ({ids[0]}, {ids[1]})")
    connection.execute("update procrastinate_events set at = now() - interval '30 minutes' where job_id = %s", [ids[0]])
    finish(connection, "failed", f"id = {ids[2]}")
    connection.execute("update procrastinate_jobs set status = 'doing' where id = %s", [ids[3]])
    connection.execute(
        "update procrastinate_jobs set scheduled_at = now() + interval '1 minute' where id = %s", [ids[4]]
    )
    connection.execute("update procrastinate_events set at = now() - interval '2 hours' where job_id = %s", [ids[3]])

    found = counts(connection)
    uploads = found["embed_track", 0]
    assert {name: uploads[name] for name in ("waiting", "retrying", "running", "failed", "cancelled")} == {
        "waiting": 1,
        "retrying": 1,
        "running": 1,
        "failed": 1,
        "cancelled": 0,
    }
    assert (uploads["done_last_minute"], uploads["done_last_hour"]) == (1, 2)
    two_hours_ago = connection.execute("select now() - interval '2 hours 1 minute', now() - interval '119 minutes'")
    earliest, latest = two_hours_ago.fetchone() or (None, None)
    assert earliest < uploads["oldest"] < latest
    assert found["embed_track", -10]["waiting"] == 1
    assert found["classify_genres", 0]["waiting"] == 6


def test_failed_jobs_are_enqueued_anew_with_all_their_attempts(catalogue: Catalogue, connection: Connection) -> None:
    first, second = catalogue.track("One", file_id="1" * 64), catalogue.track("Two", file_id="2" * 64)
    fail(connection, first, "embed_track", permanent=False)
    fail(connection, second, "embed_track", permanent=True)
    fail(connection, first, "classify_genres", permanent=False)

    assert connection.execute("select search.retry_failed_jobs('embed_track')").fetchone() == (1,)
    assert jobs(connection) == [
        ("classify_genres", first, "failed", 5),
        ("classify_genres", second, "todo", 0),
        ("embed_track", first, "todo", 0),
        ("embed_track", second, "failed", 5),
    ]
    assert connection.execute("select search.retry_failed_jobs()").fetchone() == (1,)
    assert connection.execute("select search.retry_failed_jobs()").fetchone() == (0,)
    assert connection.execute("select search.retry_failed_jobs(permanent => true)").fetchone() == (1,)
    assert {status for _, _, status, _ in jobs(connection)} == {"todo"}


def test_what_is_pending_already_or_gone_is_not_enqueued(catalogue: Catalogue, connection: Connection) -> None:
    pending, gone, replaced = (catalogue.track(title, file_id=title[0] * 64) for title in ("a", "b", "c"))
    finish(connection, "failed", "task_name = 'embed_track'")
    connection.execute(
        "select search_internal.defer_job('embed', 'embed_track', args) from procrastinate_jobs "
        "where task_name = 'embed_track' and args ->> 'track_id' = %s",
        [str(pending)],
    )
    connection.execute("delete from tracks where id = %s", [gone])
    connection.execute("update tracks set file_id = %s where id = %s", ["d" * 64, replaced])

    assert connection.execute("select search.retry_failed_jobs('embed_track')").fetchone() == (0,)
    left = [(track, status) for task, track, status, _ in jobs(connection) if task == "embed_track"]
    assert left == [(pending, "todo"), (replaced, "todo")], "the one that its new audio got"


def test_the_model_that_a_failure_is_of_decides(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One")
    fail(connection, track, "embed_track", permanent=True)
    connection.execute("update search.job_failures set model = 'another'")
    assert connection.execute("select search.retry_failed_jobs()").fetchone() == (1,)


def test_jobs_are_cancelled_unless_they_run(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One")
    connection.execute("select search_internal.defer_job('embed', 'embed_track', '{\"track_id\": 0}', -10)")
    connection.execute("select search_internal.defer_job('urgent_upkeep', 'fold_track_counts', '{}')")
    connection.execute("select search_internal.defer_job('upkeep', 'draw_map', '{}')")
    connection.execute("update procrastinate_jobs set status = 'doing' where task_name = 'classify_genres'")

    assert connection.execute("select search.cancel_jobs(below_priority => 0)").fetchone() == (1,)
    assert connection.execute("select search.cancel_jobs('classify_genres')").fetchone() == (0,)
    assert connection.execute("select search.cancel_jobs()").fetchone() == (1,)
    assert jobs(connection) == [
        ("classify_genres", track, "doing", 0),
        ("embed_track", 0, "cancelled", 0),
        ("embed_track", track, "cancelled", 0),
    ]
    upkeep = "select status::text from procrastinate_jobs where queue_name like '%upkeep'"
    assert connection.execute(upkeep.encode()).fetchall() == [("todo",), ("todo",)]


@pytest.mark.parametrize("call", ["search.retry_failed_jobs()", "search.cancel_jobs()"])
def test_an_empty_queue_is_left_alone(connection: Connection, call: str) -> None:
    assert connection.execute(f"select {call}".encode()).fetchone() == (0,)
    assert counts(connection) == {}
