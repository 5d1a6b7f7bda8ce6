"""The tasks that keep the queue healthy."""

from collections.abc import Callable
from typing import Any

import psycopg

from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]
Drain = Callable[..., None]


def enqueue(connection: Connection, task: str) -> None:
    connection.execute("select search_internal.defer_job('upkeep', %s, '{\"timestamp\": 0}')", [task])


def state_of(connection: Connection, task: str) -> list[tuple[str, int]]:
    """Status and attempts of a task's jobs."""
    jobs = "select status::text, attempts from procrastinate_jobs where task_name = %s order by id"
    return connection.execute(jobs, [task]).fetchall()


def test_jobs_of_a_dead_worker_run_again(catalogue: Catalogue, connection: Connection, drain: Drain) -> None:
    track = catalogue.track("Stalled")
    connection.execute("delete from tracks where id = %s", [track])  # its jobs then end at once
    connection.execute(
        "with dead as ("
        "insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 hour') returning id) "
        "update procrastinate_jobs set status = 'doing', worker_id = dead.id from dead"
    )
    for _ in range(3):  # rescuers that race for the same jobs
        enqueue(connection, "retry_stalled_jobs")
    drain()
    assert connection.execute("select count(*) from procrastinate_jobs where status = 'failed'").fetchone() == (0,)
    states = connection.execute(
        "select distinct status::text from procrastinate_jobs where queue_name not like '%upkeep'"
    ).fetchall()
    assert states == [("succeeded",)]


def test_a_job_that_its_workers_die_of_is_given_up_with_a_reason(
    catalogue: Catalogue, connection: Connection, drain: Drain
) -> None:
    track = catalogue.track("Deadly")
    connection.execute("delete from procrastinate_jobs where task_name <> 'classify_genres'")
    connection.execute(
        "with dead as ("
        "insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 hour') returning id) "
        "update procrastinate_jobs set status = 'doing', attempts = 4, worker_id = dead.id from dead"
    )
    for _ in range(3):  # rescuers that race for the same job
        enqueue(connection, "retry_stalled_jobs")
    drain()
    assert state_of(connection, "classify_genres") == [("failed", 5)]
    assert {state for state, _ in state_of(connection, "retry_stalled_jobs")} == {"succeeded"}
    failure = connection.execute("select track_id, task, reason, permanent from search.job_failures").fetchone()
    assert failure == (track, "classify_genres", "its worker died 5 times while it worked on this", False)


def test_a_job_is_given_up_together_with_its_reason_or_not_at_all(
    catalogue: Catalogue, connection: Connection, drain: Drain
) -> None:
    catalogue.track("Deadly")
    connection.execute("delete from procrastinate_jobs where task_name <> 'classify_genres'")
    connection.execute(
        "with dead as ("
        "insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 hour') returning id) "
        "update procrastinate_jobs set status = 'doing', attempts = 4, worker_id = dead.id from dead"
    )
    connection.execute("alter table search.job_failures add constraint takes_nothing check (task = '')")
    enqueue(connection, "retry_stalled_jobs")
    drain()
    assert state_of(connection, "retry_stalled_jobs")[0][0] == "failed"
    assert state_of(connection, "classify_genres") == [("doing", 4)]
    connection.execute("alter table search.job_failures drop constraint takes_nothing")
    enqueue(connection, "retry_stalled_jobs")
    drain()
    assert state_of(connection, "classify_genres") == [("failed", 5)]
    assert connection.execute("select attempts from search.job_failures").fetchall() == [(5,)]


def test_old_finished_jobs_are_removed(catalogue: Catalogue, connection: Connection, drain: Drain) -> None:
    track = catalogue.track("Finished")
    connection.execute("delete from tracks where id = %s", [track])
    drain()
    connection.execute("update procrastinate_events set at = at - interval '73 hours'")
    catalogue.track("Recent", file_id="ef" * 32)
    enqueue(connection, "remove_finished_jobs")
    drain()
    left = connection.execute(
        "select args ->> 'track_id' from procrastinate_jobs where task_name = 'embed_track'"
    ).fetchall()
    assert left != [(str(track),)]
    assert len(left) == 1


def test_counts_are_folded_by_the_worker(catalogue: Catalogue, connection: Connection, drain: Drain) -> None:
    catalogue.track("Counted", tags=("counted",))
    enqueue(connection, "fold_track_counts")
    drain()
    assert connection.execute("select count(*) from search.track_count_changes").fetchone() == (0,)
    row = connection.execute("select track_count from search.documents where label = 'counted'").fetchone()
    assert row == (1,)


def test_the_worker_learns_which_words_are_common(connection: Connection, drain: Drain) -> None:
    connection.execute("insert into artists values ('did:plc:many', 'many.example', 'Many')")
    connection.execute("alter table tracks disable trigger enqueue_on_insert")
    connection.execute(
        "insert into tracks (artist_did, title, file_id, file_type) "
        "select 'did:plc:many', case when n <= 600 then 'Common ' else '' end || 'Rare' || n, 'f', 'mp3' "
        "from generate_series(1, 900) as n"
    )
    connection.execute("analyze search.documents")
    enqueue(connection, "refresh_common_words")
    drain()
    known = dict(connection.execute("select word, documents from search.common_words").fetchall())
    assert known.keys() == {"common", "many", "example"}
    assert known["common"] == 600
