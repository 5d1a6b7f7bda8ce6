"""scripts/ml_audit.py."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from app.processing.audit import compare_identities
from app.settings import Settings
from tests.scripts.conftest import Run
from tests.support.catalogue import Catalogue, direction

Connection = psycopg.Connection[Any]


@pytest.fixture
def processed(catalogue: Catalogue, connection: Connection, add: Callable[..., list[int]]) -> dict[str, int]:
    """Two tracks of Anna, one with everything; one of Ben that failed, and one that was never processed."""
    anna, ben = catalogue.artist("anna.example", "Anna"), catalogue.artist("ben.example", "Ben")
    whole, waiting = add("calm_acoustic_1", "happy_acoustic_1", artist=anna)
    failed, never = add("tender_acoustic_1", "nostalgic_acoustic_1", artist=ben)
    catalogue.embed(whole, direction(0))
    connection.execute(
        """update tracks set extra = jsonb_build_object(
               'genre_predictions', '[]'::jsonb, 'genre_predictions_file_id', file_id) where id = %s""",
        [whole],
    )
    connection.execute(
        "delete from procrastinate_jobs where (args ->> 'track_id')::bigint = any (%s)", [[failed, never]]
    )
    connection.execute(
        "update procrastinate_jobs set status = 'doing' where (args ->> 'track_id')::bigint = %s", [whole]
    )
    connection.execute(
        "update procrastinate_jobs set status = 'succeeded' where (args ->> 'track_id')::bigint = %s", [whole]
    )
    connection.execute(
        "insert into search.job_failures (track_id, task, model, file_id, reason, permanent, attempts) "
        "select t.id, 'embed_track', m.identity, t.file_id, 'the disk is on fire', false, 5 "
        "from tracks t, search.models m where t.id = %s and m.serving",
        [failed],
    )
    return {"whole": whole, "waiting": waiting, "failed": failed, "never": never}


def audit(run: Run, *arguments: str) -> dict[str, Any]:
    finished = run("ml_audit", "--json", *arguments)
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer | {"status": finished.returncode}


def test_artists_are_counted(run: Run, processed: dict[str, int]) -> None:
    report = audit(run)
    assert report["status"] == 0
    assert report["differences"] is None
    anna, ben = report["artists"]
    names = ("handle", "tracks", "classified", "pending", "failed", "unprocessed")
    assert [anna[name] for name in names] == ["anna.example", 2, 1, 1, 0, 1]
    assert [ben[name] for name in names] == ["ben.example", 2, 0, 0, 1, 2]
    assert [report["totals"][name] for name in names] == ["", 4, 1, 1, 1, 3]
    (share,) = anna["embedded"]
    assert (share["model"], share["tracks"], share["first"]) == ("musicnn-tags", 1, share["last"])
    assert anna["classified_first"] == anna["classified_last"] is not None
    assert ben["embedded"] == anna["listing"] == []

    assert len(audit(run, "--verbose")["artists"][0]["listing"]) == 2
    shown = run("ml_audit", "--verbose").stdout
    for words in ("anna.example", "calm_acoustic_1", "the disk is on fire", "never processed", "classify_genres"):
        assert words in shown
    assert processed["never"] > processed["whole"]


def test_what_is_stored_of_older_audio_or_by_a_retired_model_is_told(
    run: Run, connection: Connection, processed: dict[str, int]
) -> None:
    """It was learnt from the artist's work, and it is still there."""
    connection.execute("select search.register_model('older', 'older@1', 100)")
    connection.execute(
        "insert into search.embeddings (track_id, model_id, file_id, embedding, listed) "
        "select e.track_id, m.id, 'before', e.embedding, true from search.embeddings e, search.models m "
        "where m.name = 'older'"
    )
    # as in a catalogue whose audio was replaced while there were no triggers
    connection.execute("alter table tracks disable trigger discard_on_new_audio")
    connection.execute("update tracks set file_id = 'new' where id = %s", [processed["whole"]])
    anna = audit(run, "--verbose")["artists"][0]
    assert {share["model"]: share["tracks"] for share in anna["embedded"]} == {"musicnn-tags": 1, "older": 1}
    assert anna["classified"] == 1
    assert "of other audio" in run("ml_audit", "--verbose").stdout


def test_nothing_is_wrong_where_the_database_says_why(
    run: Run, connection: Connection, processed: dict[str, int]
) -> None:
    connection.execute("delete from tracks where id = %s", [processed["never"]])
    connection.execute("update search.job_failures set permanent = true")
    report = audit(run, "--check-embeddings")
    assert report["status"] == 0
    found = {difference["track_id"]: difference for difference in report["differences"]}
    assert found.keys() == {processed["waiting"], processed["failed"]}
    assert all(difference["kind"] == "missing" and difference["expected"] for difference in found.values())
    shown = run("ml_audit", "--check-embeddings")
    assert shown.returncode == 0
    assert "the vectors are what they should be" in shown.stdout


def test_missing_vectors_are_found_with_why(run: Run, processed: dict[str, int]) -> None:
    report = audit(run, "--check-embeddings")
    assert report["status"] == 1
    wrong = {found["track_id"]: found["detail"] for found in report["differences"] if not found["expected"]}
    assert wrong == {processed["failed"]: "the disk is on fire", processed["never"]: "no job is there for it"}
    shown = run("ml_audit", "--check-embeddings")
    assert shown.returncode == 1
    assert "2 differences" in shown.stdout


def test_damage_is_found(  # each kind on a row of its own
    run: Run, connection: Connection, catalogue: Catalogue, settings: Settings, add: Callable[..., list[int]]
) -> None:
    names = ("calm_acoustic_1", "happy_acoustic_1", "tender_acoustic_1", "nostalgic_acoustic_1", "energetic_acoustic_1")
    stale, short, long, hidden, silent = add(*names)
    for track in (stale, short, long, hidden, silent):
        catalogue.embed(track, direction(1))
    connection.execute("delete from procrastinate_jobs")
    assert audit(run, "--check-embeddings")["status"] == 0

    row = connection.execute("select 'search.embeddings_' || id from search.models where serving").fetchone()
    assert row is not None
    connection.execute(f"drop index {row[0]}_hnsw_idx".encode())
    connection.execute(f"alter table {row[0]} drop constraint {row[0].removeprefix('search.')}_dimensions".encode())
    # as a restored dump or a replica role may leave it, which no trigger sees
    connection.execute("set session_replication_role = replica")
    connection.execute("update tracks set file_id = 'new' where id = %s", [stale])
    connection.execute("update search.embeddings set embedding = '[1, 0]' where track_id = %s", [short])
    connection.execute(
        "update search.embeddings set embedding = array_fill(0.2::real, array[100])::vector::halfvec "
        "where track_id = %s",
        [long],
    )
    connection.execute("update tracks set visibility = 'private' where id = %s", [hidden])
    connection.execute(
        "insert into search.embeddings (track_id, model_id, file_id, embedding, listed) "
        "select 999, model_id, 'f', embedding, true from search.embeddings where track_id = %s",
        [silent],
    )
    connection.execute("set session_replication_role = origin")
    file_id, *_ = connection.execute("select file_id from tracks where id = %s", [silent]).fetchone() or ("",)
    (settings.audio_dir / file_id[:2] / f"{file_id}.opus").unlink()

    report = audit(run, "--check-embeddings")
    assert report["status"] == 1
    assert {(found["kind"], found["track_id"]) for found in report["differences"]} == {
        ("other audio", stale),
        ("audio missing", stale),
        ("wrong dimensions", short),
        ("wrong length", long),
        ("wrong visibility", hidden),
        ("no such track", 999),
        ("audio missing", silent),
    }


def test_any_store_of_vectors_can_be_compared() -> None:
    wanted = {1: "a", 2: "b", 3: "c"}
    found = [
        (difference.kind, difference.track_id)
        for difference in compare_identities(wanted, [(1, "a"), (2, "x"), (9, "a")])
    ]
    assert found == [("other audio", 2), ("no such track", 9), ("missing", 3)]


def test_an_empty_catalogue(run: Run) -> None:
    finished = run("ml_audit", "--check-embeddings")
    assert finished.returncode == 0
    assert "there are no tracks" in finished.stdout
