"""Finding what has no vector or no genres, and no job either."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from app.database import connect
from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]

FUNCTIONS = {"embed_track": "search.enqueue_missing_embeddings", "classify_genres": "search.enqueue_missing_genres"}


def call(connection: Connection, task: str, arguments: str = "") -> int:
    row = connection.execute(f"select {FUNCTIONS[task]}({arguments})".encode()).fetchone()
    assert row is not None
    number: int = row[0]
    return number


def pending(connection: Connection, task: str) -> list[tuple[int, str, int]]:
    """Track, file and priority of the jobs of a task."""
    return connection.execute(
        "select (args ->> 'track_id')::bigint, args ->> 'file_id', priority from procrastinate_jobs "
        "where task_name = %s and status = 'todo' order by 1",
        [task],
    ).fetchall()


def forget_jobs(connection: Connection) -> None:
    connection.execute("delete from procrastinate_jobs")


def fail(connection: Connection, track: int, task: str, *, permanent: bool) -> None:
    connection.execute(
        "insert into search.job_failures (track_id, task, model, file_id, reason, permanent, attempts) "
        "select t.id, %s, case when %s = 'embed_track' then m.identity else '' end, t.file_id, 'because', %s, 5 "
        "from tracks t, search.models m where t.id = %s and m.serving",
        [task, task, permanent, track],
    )


@pytest.mark.parametrize("task", FUNCTIONS)
def test_what_has_no_job_gets_one_behind_uploads(catalogue: Catalogue, connection: Connection, task: str) -> None:
    first, second = catalogue.track("One", file_id="a"), catalogue.track("Two", file_id="b")
    assert call(connection, task) == 0, "an upload has its jobs"
    forget_jobs(connection)

    assert call(connection, task) == 2
    assert pending(connection, task) == [(first, "a", -10), (second, "b", -10)]
    assert call(connection, task) == 0
    other = next(name for name in FUNCTIONS if name != task)
    assert pending(connection, other) == []


@pytest.mark.parametrize("task", FUNCTIONS)
def test_a_running_job_counts_and_a_failed_one_does_not(
    catalogue: Catalogue, connection: Connection, task: str
) -> None:
    catalogue.track("One")
    connection.execute("update procrastinate_jobs set status = 'doing'")
    assert call(connection, task) == 0
    connection.execute("update procrastinate_jobs set status = 'failed'")
    assert call(connection, task) == 1


@pytest.mark.parametrize("task", FUNCTIONS)
def test_a_job_for_older_audio_does_not_count(catalogue: Catalogue, connection: Connection, task: str) -> None:
    track = catalogue.track("One", file_id="old")
    connection.execute("alter table tracks disable trigger enqueue_on_new_audio")
    connection.execute("update tracks set file_id = 'new' where id = %s", [track])
    assert call(connection, task, "priority => -3") == 1
    assert (track, "new", -3) in pending(connection, task)


@pytest.mark.parametrize("task", FUNCTIONS)
def test_failures_are_left_alone_as_far_as_is_said(catalogue: Catalogue, connection: Connection, task: str) -> None:
    broken, failed = catalogue.track("Broken", file_id="a"), catalogue.track("Failed", file_id="b")
    forget_jobs(connection)
    fail(connection, broken, task, permanent=True)
    fail(connection, failed, task, permanent=False)

    assert call(connection, task, "retry_failed => false") == 0
    assert call(connection, task) == 1
    assert [track for track, _, _ in pending(connection, task)] == [failed]
    # a failure of other audio says nothing of this one
    connection.execute("update search.job_failures set file_id = 'older' where track_id = %s", [broken])
    assert call(connection, task) == 1


def test_genres_of_the_present_audio_are_not_asked_for_again(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One", file_id="a", extra='{"genre_predictions": [], "genre_predictions_file_id": "a"}')
    forget_jobs(connection)
    assert call(connection, "classify_genres") == 0
    connection.execute("alter table tracks disable trigger enqueue_on_new_audio")
    connection.execute("update tracks set file_id = 'b' where id = %s", [track])
    assert call(connection, "classify_genres") == 1


def test_vectors_of_the_serving_model_are_not_asked_for_again(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One", file_id="a")
    forget_jobs(connection)
    connection.execute(
        "insert into search.embeddings (model_id, track_id, file_id, listed, embedding) "
        "select m.id, %s, 'a', true, array_fill(0.1::real, array[m.dimensions])::vector::halfvec "
        "from search.models m where m.serving",
        [track],
    )
    assert call(connection, "embed_track") == 0


@pytest.mark.parametrize("task", FUNCTIONS)
def test_two_at_once_enqueue_nothing_twice(
    catalogue: Catalogue, connection: Connection, database: str, task: str
) -> None:
    catalogue.track("One", file_id="a")
    catalogue.track("Two", file_id="b")
    forget_jobs(connection)
    waiting = "select from pg_stat_activity where datname = current_database() and wait_event = 'advisory'"

    def enqueue_in_a_session_of_its_own() -> int:
        with connect(database) as second:
            return call(second, task)

    with connect(database) as first, ThreadPoolExecutor(1) as pool:
        assert call(first, task) == 2
        later = pool.submit(enqueue_in_a_session_of_its_own)
        deadline = time.monotonic() + 30
        while connection.execute(waiting).fetchone() is None:
            assert not later.done(), "the second did not wait for the first"
            assert time.monotonic() < deadline
        first.commit()
        assert later.result() == 0
    assert len(pending(connection, task)) == 2


@pytest.mark.parametrize("task", FUNCTIONS)
def test_a_number_takes_the_first_that_lack_it(catalogue: Catalogue, connection: Connection, task: str) -> None:
    failed = catalogue.track("Failed", file_id="a")
    tracks = [catalogue.track(f"Track {number}", file_id=f"f{number}") for number in range(3)]
    forget_jobs(connection)
    fail(connection, failed, task, permanent=False)

    assert call(connection, task, "most => 2") == 2
    assert [track for track, _, _ in pending(connection, task)] == tracks[:2]
    assert call(connection, task, "most => 2") == 0, "they have their jobs by now"
    assert call(connection, task, "most => 4") == 2
    assert [track for track, _, _ in pending(connection, task)] == [failed, *tracks]


@pytest.mark.parametrize("task", FUNCTIONS)
def test_what_cannot_be_decoded_is_tried_again_when_that_is_said(
    catalogue: Catalogue, connection: Connection, task: str
) -> None:
    broken = catalogue.track("Broken", file_id="a")
    forget_jobs(connection)
    fail(connection, broken, task, permanent=True)
    assert call(connection, task) == 0
    assert call(connection, task, "permanent => true") == 1


@pytest.mark.parametrize("task", FUNCTIONS)
def test_unprocessed_tracks_bear_their_job_and_their_failure(
    catalogue: Catalogue, connection: Connection, task: str
) -> None:
    with_job, failed, broken = (catalogue.track(name, file_id=name) for name in ("a", "b", "c"))
    connection.execute("delete from procrastinate_jobs where (args ->> 'track_id')::bigint <> %s", [with_job])
    fail(connection, failed, task, permanent=False)
    fail(connection, broken, task, permanent=True)
    found = "select track_id, job_id is not null, failed from search.unprocessed_tracks(%s, permanent => %s) order by 1"
    expected = [(with_job, True, False), (failed, False, True), (broken, False, True)]
    assert connection.execute(found, [task, True]).fetchall() == expected
    assert connection.execute(found, [task, False]).fetchall() == expected[:2]
    assert connection.execute(found, ["no_such_task", True]).fetchall() == []
    assert (
        connection.execute("select * from search.unprocessed_tracks('embed_track', 'no such model')").fetchall() == []
    )
