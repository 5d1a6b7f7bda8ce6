"""How far the work on a track is."""

from typing import Any

import psycopg
import pytest

from tests.support.catalogue import Catalogue, direction

Connection = psycopg.Connection[Any]


def tasks(connection: Connection, track: int) -> dict[str, tuple[Any, ...]]:
    rows = connection.execute(
        "select task, state, reason, permanent, attempts from search.track_tasks(%s)", [track]
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


def set_jobs(connection: Connection, status: str) -> None:
    connection.execute(f"update procrastinate_jobs set status = '{status}'".encode())


def fail(connection: Connection, track: int, *, permanent: bool) -> None:
    connection.execute(
        "insert into search.job_failures (track_id, task, model, file_id, reason, permanent, attempts) "
        "select t.id, 'embed_track', m.identity, t.file_id, 'because', %s, 3 from tracks t, search.models m "
        "where t.id = %s and m.serving",
        [permanent, track],
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [("todo", "queued"), ("doing", "running"), ("failed", "missing"), ("cancelled", "missing")],
)
def test_states_follow_the_jobs(catalogue: Catalogue, connection: Connection, status: str, state: str) -> None:
    track = catalogue.track("One")
    set_jobs(connection, status)
    assert tasks(connection, track) == {
        "embed_track": (state, None, False, 0),
        "classify_genres": (state, None, False, 0),
    }


def test_results_of_the_present_audio_are_what_counts(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One", file_id="a", extra='{"genre_predictions": [], "genre_predictions_file_id": "older"}')
    catalogue.embed(track, direction(1))
    fail(connection, track, permanent=False)
    assert tasks(connection, track)["embed_track"] == ("done", None, False, 0)
    assert tasks(connection, track)["classify_genres"][0] == "queued"


def test_a_failure_is_told_with_its_reason(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One")
    fail(connection, track, permanent=True)
    set_jobs(connection, "failed")
    assert tasks(connection, track)["embed_track"] == ("failed", "because", True, 3)


def test_a_retry_is_queued_and_says_why(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One")
    fail(connection, track, permanent=False)
    assert tasks(connection, track)["embed_track"] == ("queued", "because", False, 3)


def test_jobs_and_failures_of_older_audio_do_not_count(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One", file_id="a")
    fail(connection, track, permanent=True)
    connection.execute("update tracks set file_id = 'b'")
    assert tasks(connection, track)["embed_track"] == ("queued", None, False, 0)
    connection.execute("delete from procrastinate_jobs where args ->> 'file_id' = 'b'")
    assert tasks(connection, track)["embed_track"] == ("missing", None, False, 0)


def test_a_track_that_is_not_there_has_no_tasks(connection: Connection) -> None:
    assert tasks(connection, 1) == {}


def test_unfinished_jobs_of_a_track_are_found_by_an_index(connection: Connection) -> None:
    connection.execute(
        "insert into procrastinate_jobs (queue_name, task_name, args, status) "
        "select 'embed', 'embed_track', jsonb_build_object('track_id', n), "
        "(case when n % 2 = 0 then 'todo' else 'succeeded' end)::procrastinate_job_status "
        "from generate_series(1, 20000) n"
    )
    connection.execute("analyze procrastinate_jobs")
    lines = connection.execute(
        "explain select from procrastinate_jobs j where j.args ->> 'track_id' = '7' and j.status in ('todo', 'doing')"
    ).fetchall()
    assert "search_unfinished_jobs_idx" in "\n".join(row[0] for row in lines)
