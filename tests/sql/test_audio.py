"""What becomes of audio, and of what was learnt from it, when tracks come, change and go."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from app.database import connect
from tests.support.catalogue import Catalogue, direction

Connection = psycopg.Connection[Any]

OLD, NEW = "a" * 64, "b" * 64


def register(connection: Connection, file_id: str) -> None:
    """As an upload does before it stores a file."""
    connection.execute("insert into search.stored_audio (file_id, file_type) values (%s, 'mp3')", [file_id])


def unused(connection: Connection) -> dict[str, bool]:
    rows = connection.execute("select file_id, unused_since is not null from search.stored_audio").fetchall()
    return dict(rows)


def take(connection: Connection, unused_for: str = "0 s") -> list[tuple[str, str, bool]]:
    return connection.execute("select * from search_internal.take_unused_audio(%s)", [unused_for]).fetchall()


def wait_until_blocked(connection: Connection, other: Connection) -> None:
    """Until another session waits for a lock."""
    deadline = time.monotonic() + 10
    statement = "select wait_event_type from pg_stat_activity where pid = %s"
    while connection.execute(statement, [other.info.backend_pid]).fetchone() != ("Lock",):
        assert time.monotonic() < deadline, "it does not wait"


def test_other_audio_discards_what_was_learnt_and_enqueues_both_jobs(
    catalogue: Catalogue, connection: Connection
) -> None:
    learnt = {"genre_predictions": [{"name": "jazz", "confidence": 0.5}], "genre_predictions_file_id": OLD}
    predictions = json.dumps(learnt | {"own": 1})
    track = catalogue.track("One", file_id=OLD, extra=predictions)
    catalogue.embed(track, direction(1))
    connection.execute(
        "insert into search.job_failures (track_id, task, file_id, reason, permanent, attempts) "
        "values (%s, 'classify_genres', %s, 'because', true, 1)",
        [track, OLD],
    )
    connection.execute("delete from procrastinate_jobs")
    with connection.transaction(force_rollback=True):
        connection.execute("update tracks set file_id = %s where id = %s", [NEW, track])
        assert connection.execute("select count(*) from search.embeddings").fetchone() == (0,)
        assert connection.execute("select count(*) from search.job_failures").fetchone() == (0,)
        assert connection.execute("select extra from tracks").fetchone() == ({"own": 1},)
        jobs = connection.execute("select task_name, args ->> 'file_id' from procrastinate_jobs order by 1").fetchall()
        assert jobs == [("classify_genres", NEW), ("embed_track", NEW)]
    # all of it belongs to the one transaction
    assert connection.execute("select count(*) from search.embeddings").fetchone() == (1,)
    assert connection.execute("select count(*) from procrastinate_jobs").fetchone() == (0,)


def test_what_concerns_the_new_audio_stays(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One", file_id=OLD)
    connection.execute(
        "update tracks set file_id = %s, extra = jsonb_build_object("
        "'genre_predictions', '[]'::jsonb, 'genre_predictions_file_id', %s::text) where id = %s",
        [NEW, NEW, track],
    )
    row = connection.execute("select extra from tracks").fetchone()
    assert row == ({"genre_predictions": [], "genre_predictions_file_id": NEW},)


def test_the_same_audio_again_changes_nothing(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One", file_id=OLD)
    catalogue.embed(track, direction(1))
    connection.execute("delete from procrastinate_jobs")
    connection.execute("update tracks set file_id = file_id, title = 'Two'")
    assert connection.execute("select count(*) from search.embeddings").fetchone() == (1,)
    assert connection.execute("select count(*) from procrastinate_jobs").fetchone() == (0,)


def test_uploaded_audio_is_in_use_while_a_track_has_it(catalogue: Catalogue, connection: Connection) -> None:
    register(connection, OLD)
    register(connection, NEW)
    assert unused(connection) == {OLD: True, NEW: True}
    track = catalogue.track("One", file_id=OLD)
    assert unused(connection) == {OLD: False, NEW: True}
    connection.execute("update tracks set file_id = %s", [NEW])
    assert unused(connection) == {OLD: True, NEW: False}
    connection.execute("delete from tracks where id = %s", [track])
    assert unused(connection) == {OLD: True, NEW: True}


def test_unused_audio_is_taken_once_after_a_while(connection: Connection) -> None:
    register(connection, OLD)
    assert take(connection, "1 hour") == []
    assert take(connection) == [(OLD, "mp3", False)]
    assert take(connection) == []


def test_audio_that_another_track_uses_is_kept(catalogue: Catalogue, connection: Connection) -> None:
    register(connection, OLD)
    first = catalogue.track("One", file_id=OLD)
    second = catalogue.track("The same", file_id=OLD)
    connection.execute("delete from tracks where id = %s", [first])
    assert take(connection) == [(OLD, "mp3", True)]
    assert take(connection) == []
    connection.execute("delete from tracks where id = %s", [second])
    assert take(connection) == [(OLD, "mp3", False)]


def test_two_tracks_that_go_at_once_leave_no_audio(database: str, catalogue: Catalogue, connection: Connection) -> None:
    register(connection, OLD)
    first, second = catalogue.track("One", file_id=OLD), catalogue.track("The same", file_id=OLD)
    with connect(database) as one, connect(database) as other, ThreadPoolExecutor(1) as pool:
        one.execute("delete from tracks where id = %s", [first])
        waiting = pool.submit(other.execute, b"delete from tracks where id = %s", [second])
        wait_until_blocked(connection, other)
        one.commit()
        waiting.result(10)
        other.commit()
    assert take(connection) == [(OLD, "mp3", False)]


def test_audio_that_was_not_uploaded_is_nobodys_to_remove(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One", file_id=OLD)
    connection.execute("delete from tracks where id = %s", [track])
    assert take(connection) == []


def test_a_track_cannot_begin_to_use_audio_that_is_being_removed(
    database: str, catalogue: Catalogue, connection: Connection
) -> None:
    artist = catalogue.artist()
    register(connection, OLD)
    with connect(database) as remover, connect(database) as uploader, ThreadPoolExecutor(1) as pool:
        assert remover.execute("select file_id from search_internal.take_unused_audio('0 s')").fetchone() == (OLD,)
        insert = "insert into tracks (artist_did, title, file_id, file_type) values (%s, 'One', %s, 'mp3')"
        waiting = pool.submit(uploader.execute, insert.encode(), [artist, OLD])
        wait_until_blocked(connection, uploader)
        remover.commit()
        with pytest.raises(psycopg.errors.SerializationFailure, match="just been removed"):
            waiting.result(10)
    assert connection.execute("select count(*) from tracks").fetchone() == (0,)


def test_audio_that_is_being_taken_into_use_is_passed_over(
    database: str, catalogue: Catalogue, connection: Connection
) -> None:
    artist = catalogue.artist()
    register(connection, OLD)
    with connect(database) as uploader:
        insert = b"insert into tracks (artist_did, title, file_id, file_type) values (%s, 'One', %s, 'mp3')"
        uploader.execute(insert, [artist, OLD])
        assert take(connection) == []
        uploader.commit()
    assert take(connection) == []
    assert unused(connection) == {OLD: False}
