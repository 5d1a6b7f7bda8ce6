"""Storing predictions, automatic tags, and asking for genres."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest

from app.database import connect
from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]


def predictions(**scores: float) -> str:
    return json.dumps([{"name": name.replace("_", " "), "confidence": score} for name, score in scores.items()])


def store(connection: Connection, track: int, found: str, file_id: str = "f") -> bool:
    row = connection.execute(
        "select search_internal.store_genre_predictions(%s, %s, %s)", [track, file_id, found]
    ).fetchone()
    assert row is not None
    return bool(row[0])


def tags(connection: Connection, track: int) -> list[str]:
    rows = connection.execute(
        "select name from track_tags join tags on id = tag_id where track_id = %s order by name", [track]
    ).fetchall()
    return [row[0] for row in rows]


def extra(connection: Connection, track: int) -> dict[str, Any]:
    row = connection.execute("select extra from tracks where id = %s", [track]).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    return found


def test_predictions_are_stored_as_the_contract_has_them(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One", extra='{"own": 1}')
    assert store(connection, track, predictions(techno=0.5, ambient=0.2))
    assert extra(connection, track) == {
        "own": 1,
        "genre_predictions": [{"name": "techno", "confidence": 0.5}, {"name": "ambient", "confidence": 0.2}],
        "genre_predictions_file_id": "f",
    }
    assert tags(connection, track) == [], "nobody asked for them"


@pytest.mark.parametrize("file_id", ["older", ""])
def test_what_was_found_in_other_audio_is_not_stored(
    catalogue: Catalogue, connection: Connection, file_id: str
) -> None:
    track = catalogue.track("One", extra='{"auto_tag": true}')
    assert not store(connection, track, predictions(techno=0.5), file_id)
    assert not store(connection, 999, predictions(techno=0.5))
    assert extra(connection, track) == {"auto_tag": True}
    assert tags(connection, track) == []


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        ({"techno": 0.8, "house": 0.4, "ambient": 0.39}, ["techno", "house"]),
        ({f"g{number}": 0.5 for number in range(8)}, ["g0", "g1", "g2", "g3", "g4"]),
        ({"a": 0.1, "b": 0.4, "c": 0.3}, ["b", "c"]),
        ({"a": 0.0, "b": 0.0}, ["a", "b"]),
        ({}, []),
    ],
)
def test_the_best_become_tags(connection: Connection, found: dict[str, float], chosen: list[str]) -> None:
    row = connection.execute("select search_internal.choose_auto_tags(%s)", [predictions(**found)]).fetchone()
    assert row == (chosen,)


def test_automatic_tags_are_added_to_manual_ones_once(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One", tags=("Techno", "mine"), extra='{"auto_tag": true}')
    catalogue.tag(catalogue.track("Another"), "House")
    found = predictions(techno=0.8, house=0.7, ambient=0.6, drone=0.1)
    assert store(connection, track, found)
    assert tags(connection, track) == ["House", "Techno", "ambient", "mine"], "in the case that is there"
    assert "auto_tag" not in extra(connection, track)
    connection.execute("delete from track_tags where track_id = %s", [track])
    assert store(connection, track, found)
    assert tags(connection, track) == [], "what the artist removed does not come back"


@pytest.mark.parametrize("flag", ["false", '"true"', "null", "1"])
def test_only_true_is_a_flag(catalogue: Catalogue, connection: Connection, flag: str) -> None:
    track = catalogue.track("One", extra=f'{{"auto_tag": {flag}}}')
    assert store(connection, track, predictions(techno=0.8))
    assert tags(connection, track) == []


def test_two_runs_at_once_tag_once(database: str, catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One", extra='{"auto_tag": true}')
    together = Barrier(2)

    def run(found: str) -> bool:
        with connect(database) as own:
            together.wait(10)
            stored = store(own, track, found)
            own.commit()
            return stored

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, [predictions(a=0.9), predictions(b=0.9)])) == [True, True]
    assert tags(connection, track) in (["a"], ["b"])


def test_tracks_that_share_tags_are_stored_at_once(database: str, catalogue: Catalogue, connection: Connection) -> None:
    names = [f"g{number}" for number in range(5)]
    orders = [names, names[::-1]]
    tracks = [[catalogue.track(f"{side} {n}", extra='{"auto_tag": true}') for n in range(15)] for side in range(2)]
    together = Barrier(2)

    def run(side: int) -> None:
        with connect(database) as own:
            together.wait(10)
            for track in tracks[side]:
                store(own, track, predictions(**dict.fromkeys(orders[side], 0.5)))
                own.commit()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(2)))
    assert all(tags(connection, track) == names for side in tracks for track in side)


# --- asking


def pending(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select args ->> 'file_id', priority, status::text from procrastinate_jobs where task_name = 'classify_genres'"
    ).fetchall()


def ask(connection: Connection, track: int) -> bool:
    row = connection.execute("select search.request_genres(%s)", [track]).fetchone()
    assert row is not None
    return bool(row[0])


def test_an_uploads_own_job_is_waited_for(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One")
    assert ask(connection, track)
    assert pending(connection) == [("f", 0, "todo")]


def test_a_track_without_a_job_gets_one_before_the_backfill(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One")
    connection.execute("delete from procrastinate_jobs")
    assert ask(connection, track)
    assert ask(connection, track)
    assert pending(connection) == [("f", -5, "todo")]


def test_a_job_of_the_backfill_is_moved_up(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One")
    connection.execute("update procrastinate_jobs set priority = -10")
    assert ask(connection, track)
    assert pending(connection) == [("f", -5, "todo")]
    other = connection.execute("select priority from procrastinate_jobs where task_name = 'embed_track'").fetchone()
    assert other == (-10,)


def test_there_is_nothing_to_wait_for(catalogue: Catalogue, connection: Connection) -> None:
    done = catalogue.track("Done", extra='{"genre_predictions": [], "genre_predictions_file_id": "f"}')
    broken = catalogue.track("Broken")
    connection.execute("delete from procrastinate_jobs")
    connection.execute(
        "insert into search.job_failures (track_id, task, file_id, reason, permanent, attempts) "
        "values (%s, 'classify_genres', 'f', 'because', true, 1)",
        [broken],
    )
    assert [ask(connection, track) for track in (done, broken, 999)] == [False, False, False]
    assert pending(connection) == []


def test_what_failed_otherwise_is_tried_again(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One")
    connection.execute("update procrastinate_jobs set status = 'failed'")
    connection.execute(
        "insert into search.job_failures (track_id, task, file_id, reason, permanent, attempts) "
        "values (%s, 'classify_genres', 'f', 'because', false, 5)",
        [track],
    )
    assert ask(connection, track)
    assert ("f", -5, "todo") in pending(connection)


def test_two_that_ask_at_once_get_one_job(database: str, catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("One")
    connection.execute("delete from procrastinate_jobs")

    def run(_: int) -> bool:
        with connect(database) as own:
            own.autocommit = True
            return ask(own, track)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(8)))
    assert pending(connection) == [("f", -5, "todo")]
