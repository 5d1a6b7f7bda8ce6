"""What the mirror is told, and when it is not."""

import threading

import psycopg
import pytest

from app.database import connect
from app.measure.turbopuffer_server import Fault
from app.mirror import begin_rebuild, retire_all
from app.mirror.namespaces import read_namespaces, serve_namespace
from services.vector_mirror import MirrorError, MirrorRefusedError
from tests.support.catalogue import direction
from tests.support.mirrored import Mirrored


def test_a_new_mirror_has_every_listed_track_with_a_vector(mirrored: Mirrored) -> None:
    shown = mirrored.add("one", "two") + mirrored.add("for supporters", visibility="supporters")
    mirrored.add("hidden", visibility="private")
    mirrored.add("unlisted", visibility="unlisted")
    mirrored.catalogue.track("not heard yet")
    assert mirrored.sync(batch=2)
    assert list(mirrored.live) == shown
    row = mirrored.live[shown[0]]
    assert row.pop("vector").tolist() == direction(shown[0] % 100).tolist()
    assert row.pop("model").startswith("musicnn-tags@")
    assert row.pop("version") > 0
    assert row == {
        "id": shown[0],
        "title": "one",
        "artist_handle": "somebody.example",
        "artist_did": "did:plc:somebody.example",
        "visibility": "public",
    }
    assert (mirrored.state.namespace, mirrored.state.changes, mirrored.state.differences) == ("tracks", 0, 0)


def test_nothing_is_noted_before_there_is_a_mirror(mirrored: Mirrored) -> None:
    mirrored.add("one")
    assert mirrored.state.changes == 0


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("update tracks set title = 'new' where id = 1", {1: "new", 2: "two", 3: "three"}),
        ("update tracks set visibility = 'private' where id = 1", {2: "two", 3: "three"}),
        ("update tracks set visibility = 'unlisted'", {}),
        ("update tracks set visibility = 'supporters'", {1: "one", 2: "two", 3: "three"}),
        ("delete from tracks where id = 2", {1: "one", 3: "three"}),
        ("delete from artists", {}),
        ("delete from search.embeddings where track_id = 3", {1: "one", 2: "two"}),
        ("update tracks set file_id = 'other' where id = 1", {2: "two", 3: "three"}),
        ("update search.embeddings set listed = false, owner = 'x' where track_id = 1", {2: "two", 3: "three"}),
    ],
)
def test_every_change_is_told_once(mirrored: Mirrored, statement: str, expected: dict[int, str]) -> None:
    mirrored.add("one", "two", "three")
    mirrored.sync()
    mirrored.execute(statement)
    assert mirrored.state.changes > 0
    mirrored.sync()
    assert mirrored.titles == expected
    mirrored.server.requests.clear()
    mirrored.sync()
    assert [body for _, _, body in mirrored.server.requests if "upsert_rows" in body] == []


def test_a_rename_tells_all_tracks_of_the_artist_and_no_other(mirrored: Mirrored) -> None:
    other = mirrored.catalogue.artist("other.example")
    ours, theirs = mirrored.add("one", "two"), mirrored.add("three", artist=other)
    mirrored.sync()
    mirrored.execute("update artists set handle = 'renamed.example' where handle = 'somebody.example'")
    assert mirrored.state.changes == len(ours)
    mirrored.sync()
    handles = {track: row["artist_handle"] for track, row in mirrored.live.items()}
    assert handles == {ours[0]: "renamed.example", ours[1]: "renamed.example", theirs[0]: "other.example"}
    mirrored.execute("update artists set did = 'did:plc:moved' where did = 'did:plc:somebody.example'")
    mirrored.sync()
    assert mirrored.live[ours[0]]["artist_did"] == "did:plc:moved"


@pytest.mark.parametrize(
    "statement",
    [
        "update tracks set play_count = play_count + 1, title = title, visibility = visibility",
        "update artists set display_name = 'Somebody Else'",
        "update search.embeddings set embedded_at = now()",
        "insert into tags (name) values ('calm')",
    ],
)
def test_what_the_mirror_does_not_show_is_not_told(mirrored: Mirrored, statement: str) -> None:
    mirrored.add("one")
    mirrored.sync()
    mirrored.execute(statement)
    assert mirrored.state.changes == 0


def test_what_is_rolled_back_is_not_told(mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.sync()
    with mirrored.catalogue.connection.transaction(force_rollback=True):
        mirrored.execute("update tracks set visibility = 'private'")
    assert mirrored.state.changes == 0


def test_many_changes_of_a_track_are_one(mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.sync()
    for number in range(5):
        mirrored.execute(f"update tracks set title = 'title {number}'")
    assert mirrored.state.changes == 1
    mirrored.sync()
    assert mirrored.titles == {1: "title 4"}


def test_a_transaction_under_way_holds_nobody_up_and_is_told_when_it_is_over(mirrored: Mirrored, database: str) -> None:
    one, two = mirrored.add("one", "two")
    mirrored.sync()
    with connect(database) as open_one:
        open_one.execute("update tracks set title = 'later' where id = %s", [one])
        mirrored.execute(f"update tracks set title = 'now' where id = {two}")
        assert mirrored.sync()
        assert mirrored.titles == {one: "one", two: "now"}
        open_one.commit()
    mirrored.sync()
    assert mirrored.titles == {one: "later", two: "now"}


def test_a_change_during_the_write_is_told_again(mirrored: Mirrored) -> None:
    (track,) = mirrored.add("one")
    mirrored.sync()
    mirrored.execute("update tracks set title = 'two'")
    mirrored.server.faults = [Fault("hold", only="write")]

    def meanwhile() -> None:
        assert mirrored.server.held.wait(5)
        mirrored.execute("update tracks set title = 'three'")
        mirrored.server.release.set()

    thread = threading.Thread(target=meanwhile)
    thread.start()
    mirrored.sync()
    thread.join()
    assert mirrored.titles == {track: "three"}
    assert mirrored.state.changes == 0


def test_a_late_write_does_not_bring_a_hidden_track_back(mirrored: Mirrored) -> None:
    (track,) = mirrored.add("one")
    mirrored.sync()
    mirrored.execute("update tracks set title = 'two'")
    mirrored.server.faults = [Fault("delay", only="write")]
    with pytest.raises(MirrorError):
        mirrored.sync()
    mirrored.execute("update tracks set visibility = 'private'")
    mirrored.sync()
    assert mirrored.live == {}
    mirrored.server.apply_delayed()
    assert mirrored.live == {}
    assert track in mirrored.server.namespaces["tracks"].rows, "only the removal knows that the write was late"


def test_two_rounds_at_once_are_one(mirrored: Mirrored, database: str) -> None:
    mirrored.add("one")
    with connect(database) as holder:
        holder.execute("select pg_advisory_lock(hashtextextended('search.mirror_sync', 0))")
        assert not mirrored.sync()
        assert mirrored.server.requests == []
        holder.execute("select pg_advisory_unlock_all()")
    assert mirrored.sync()


def test_failures_are_told_and_over_when_they_are_over(mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.server.faults = [Fault("status", status=503, only="write")] * 2
    for _ in range(2):
        with pytest.raises(MirrorError, match="503"):
            mirrored.sync()
    state = mirrored.state
    assert "503" in str(state.failure)
    assert state.failing_since is not None
    assert state.drained_at is None
    mirrored.sync()
    assert (mirrored.state.failure, mirrored.state.failing_since) == (None, None)
    assert mirrored.state.drained_at is not None


def test_one_document_that_is_refused_holds_up_no_other(mirrored: Mirrored) -> None:
    mirrored.add("one", "two", "three")
    mirrored.sync()
    # ids of turbopuffer have no sign
    mirrored.catalogue.track("negative", id=-7)
    mirrored.catalogue.embed(-7, direction(1))
    mirrored.execute("update tracks set title = title || '!' where id > 0")
    mirrored.sync()
    assert mirrored.titles == {1: "one!", 2: "two!", 3: "three!"}
    state = mirrored.state
    assert (state.changes, state.refused, state.lag.total_seconds()) == (1, 1, 0)
    row = mirrored.catalogue.connection.execute(
        "select refused, attempts, retry_at > now() from search.mirror_changes"
    ).fetchone()
    assert row is not None
    assert "invalid id" in str(row[0])
    assert row[1:] == (1, True)
    mirrored.execute("delete from tracks where id = -7")
    mirrored.execute("delete from search.mirror_changes where track_id = -7")
    assert mirrored.compare().differences == []


def test_a_mirror_that_takes_nothing_is_wrong_itself(mirrored: Mirrored) -> None:
    """Not each document: a thousand would cost two thousand requests, and none would be told again for an hour."""
    mirrored.add(*(f"track {number}" for number in range(60)))
    mirrored.sync()
    mirrored.server.namespaces["tracks"].schema["title"]["type"] = "int"
    mirrored.execute("update tracks set title = 'new'")
    mirrored.server.requests.clear()
    with pytest.raises(MirrorError, match=r"tracks takes no document: .*title is int"):
        mirrored.sync()
    assert len(mirrored.server.requests) < 60
    state = mirrored.state
    assert (state.changes, state.refused) == (60, 0)
    assert "takes no document" in str(state.failure)


def test_a_refused_document_does_not_keep_a_new_namespace_from_serving(mirrored: Mirrored) -> None:
    mirrored.catalogue.track("negative", id=-7)
    mirrored.catalogue.embed(-7, direction(1))
    mirrored.add("one")
    mirrored.sync()
    assert (mirrored.titles, mirrored.state.refused) == ({1: "one"}, 1)


def test_a_rebuild_fills_another_namespace_and_drops_the_first(mirrored: Mirrored) -> None:
    mirrored.add("one", "two")
    mirrored.sync()
    mirrored.run(begin_rebuild(mirrored.database, mirrored.base))
    mirrored.run(begin_rebuild(mirrored.database, mirrored.base))
    assert mirrored.state.filling == "tracks-2"
    mirrored.execute("update tracks set title = 'new' where id = 1")
    mirrored.sync(batch=1)
    state = mirrored.state
    assert (state.namespace, state.filling) == ("tracks-2", None)
    assert mirrored.titles == {1: "new", 2: "two"}
    assert list(mirrored.server.namespaces) == ["tracks-2"]


def test_a_namespace_that_serves_already_is_not_retired_by_who_comes_late(mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.sync()
    (serving,) = mirrored.run(read_namespaces(mirrored.database))
    mirrored.run(serve_namespace(mirrored.database, serving))
    assert mirrored.state.namespace == "tracks"


def test_filling_goes_on_where_it_was_interrupted(mirrored: Mirrored) -> None:
    mirrored.add("one", "two", "three", "four")
    # the first write makes the namespace
    mirrored.server.faults = [Fault("duplicate", only="write")] * 2 + [Fault("reset", only="write")]
    with pytest.raises(MirrorError):
        mirrored.sync(batch=1)
    assert (mirrored.state.filling, mirrored.state.filled_tracks) == ("tracks", 1)
    mirrored.server.requests.clear()
    mirrored.sync(batch=1)
    written = [row["id"] for _, _, body in mirrored.server.requests for row in body.get("upsert_rows", ())]
    assert written == [2, 3, 4]
    assert list(mirrored.titles) == [1, 2, 3, 4]


def test_filling_waits_for_transactions_that_cannot_see_the_namespace(mirrored: Mirrored, database: str) -> None:
    (track,) = mirrored.add("one")
    with connect(database) as earlier:
        # it has changed a track, and has noted nothing, since there was no mirror
        earlier.execute("update tracks set title = 'from before' where id = %s", [track])
        mirrored.sync()
        assert (mirrored.state.namespace, mirrored.state.filling) == (None, "tracks")
        earlier.commit()
    mirrored.sync()
    assert mirrored.titles == {track: "from before"}


def test_another_model_gets_a_namespace_of_its_own(mirrored: Mirrored) -> None:
    mirrored.add("one", "two")
    mirrored.sync()
    mirrored.execute("select search.register_model('large', 'large@1', 8)")
    mirrored.execute(
        "insert into search.embeddings select t.id, m.id, t.file_id, '[1,0,0,0,0,0,0,0]', true, null, now() "
        "from tracks t, search.models m where m.name = 'large' and t.id = 1"
    )
    assert mirrored.state.changes == 0
    mirrored.execute("select search.serve_model('large@1')")
    mirrored.sync()
    assert (mirrored.state.namespace, mirrored.state.model) == ("tracks-2", "large@1")
    assert {track: row["vector"].size for track, row in mirrored.live.items()} == {1: 8}
    assert list(mirrored.server.namespaces) == ["tracks-2"]


def test_a_namespace_that_somebody_drops_is_filled_anew(mirrored: Mirrored) -> None:
    mirrored.add("one", "two")
    mirrored.sync()
    del mirrored.server.namespaces["tracks"]
    mirrored.execute("update tracks set title = 'new' where id = 1")
    mirrored.sync()
    assert (mirrored.state.namespace, mirrored.titles) == ("tracks-2", {1: "new", 2: "two"})


def test_another_name_in_the_settings_is_another_namespace(mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.sync()
    mirrored.base = "songs"
    mirrored.sync()
    assert mirrored.state.namespace == "songs"
    assert list(mirrored.server.namespaces) == ["songs"]


def test_a_namespace_of_somebody_else_is_taken_over_and_cleaned(mirrored: Mirrored) -> None:
    one, hidden = mirrored.add("one") + mirrored.add("hidden", visibility="private")
    vector = direction(5).tolist()
    foreign = [
        {"id": track, "vector": vector, "title": "old", "artist_handle": "x", "artist_did": "y"}
        for track in (one, hidden, 99)
    ]
    mirrored.run(_write_foreign(mirrored, foreign))
    mirrored.sync()
    assert mirrored.titles == {one: "one"}


def test_a_namespace_of_somebody_else_with_other_vectors_is_left_alone(mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.run(_write_foreign(mirrored, [{"id": 1, "vector": [1.0, 0.0], "title": "theirs"}]))
    with pytest.raises(MirrorRefusedError, match="TURBOPUFFER_NAMESPACE: tracks holds vectors of 2 dimensions"):
        mirrored.sync()
    assert mirrored.server.live("tracks")[1]["title"] == "theirs"


async def _write_foreign(mirrored: Mirrored, rows: list[dict[str, object]]) -> None:
    namespace = mirrored.store._client.namespace("tracks")  # noqa: SLF001 - what another client of the account does
    await namespace.write(upsert_rows=rows, distance_metric="cosine_distance")  # type: ignore[arg-type]  # rows of JSON


def test_dropping_drops_everything_and_it_stays_so(mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.sync()
    mirrored.run(retire_all(mirrored.database))
    mirrored.add("two")
    mirrored.sync()
    assert mirrored.server.namespaces == {}
    state = mirrored.state
    assert (state.namespace, state.filling, state.changes, state.wanted) == (None, None, 0, False)
    mirrored.run(begin_rebuild(mirrored.database, mirrored.base))
    mirrored.sync()
    assert (mirrored.state.namespace, mirrored.titles) == ("tracks-2", {1: "one", 2: "two"})


def test_a_removed_model_takes_its_namespace_with_it(mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.sync()
    mirrored.execute("select search.register_model('next', 'next@1', 4)")
    mirrored.execute("select search.serve_model('next@1')")
    (old,) = [found.identity for found in mirrored.run(read_namespaces(mirrored.database))]
    mirrored.execute(f"select search.remove_model('{old}')")
    mirrored.sync()
    assert (mirrored.state.namespace, mirrored.titles) == ("tracks-2", {})
    assert list(mirrored.server.namespaces) == ["tracks-2"]


def test_an_old_removal_is_forgotten(mirrored: Mirrored) -> None:
    one, two = mirrored.add("one", "two")
    mirrored.sync()
    mirrored.execute(f"delete from tracks where id = {one}")
    mirrored.sync()
    rows = mirrored.server.namespaces["tracks"].rows
    assert sorted(rows) == [one, two]
    rows[one]["removed_at"] -= 25 * 3600
    mirrored.sync()
    assert sorted(rows) == [two]


def test_writers_of_the_same_tracks_do_not_deadlock(mirrored: Mirrored, database: str) -> None:
    ids = mirrored.add(*(f"track {number}" for number in range(40)))
    mirrored.sync()
    errors: list[Exception] = []

    def rename(descending: bool) -> None:
        order = sorted(ids, reverse=descending)
        with connect(database) as connection:
            connection.autocommit = True
            for _ in range(20):
                try:
                    connection.execute("select search_internal.note_mirror_changes(%s)", [order])
                except psycopg.Error as error:
                    errors.append(error)

    threads = [threading.Thread(target=rename, args=[descending]) for descending in (True, False)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        mirrored.sync(batch=7)
    assert errors == []
    mirrored.sync()
    assert mirrored.state.changes == 0
