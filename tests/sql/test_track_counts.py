"""Counts of tracks: exact at once, folded later, and nobody waits for anybody to change one."""

from typing import Any

import psycopg
import pytest

from app.database import connect
from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]


def counts(connection: Connection) -> dict[str, int]:
    """Shown count of every tag, playlist, album and artist by its label."""
    rows = connection.execute(
        "select distinct label, search.track_count(kind, key) from search.documents where kind <> 'track'"
    ).fetchall()
    return {str(label): int(count) for label, count in rows}


def counted(connection: Connection) -> dict[str, int]:
    """The same, counted in the catalogue."""
    rows = connection.execute(
        "select distinct d.label, c.listed from search.documents d "
        "cross join lateral search_internal.count_tracks(d.kind, array[d.key]) as c where d.kind <> 'track'"
    ).fetchall()
    return {str(label): int(count) for label, count in rows}


CHANGES = (
    "update tracks set visibility = 'private' where title = 'Track 1'",
    "update tracks set visibility = 'supporters' where title = 'Track 2'",
    "update tracks set visibility = 'public' where title = 'Track 1'",
    "update tracks set visibility = 'unlisted'",
    "update tracks set visibility = 'public'",
    "delete from track_tags where tag_id = (select id from tags where name = 't0')",
    "delete from playlist_tracks where position = 1",
    "update track_tags set tag_id = 4 where tag_id = 3",
    "update tracks set album_id = null where title = 'Track 3'",
    "delete from tracks where title in ('Track 3', 'Track 4')",
    "delete from tags where name = 'a'",
)


def test_counts_are_exact_after_every_change(catalogue: Catalogue, connection: Connection) -> None:
    artist = catalogue.artist("one.example", "One")
    album = catalogue.album("First", artist)
    tracks = [
        catalogue.track(f"Track {n}", artist=artist, album_id=album, tags=("a", f"t{n}"), play_count=n)
        for n in range(5)
    ]
    catalogue.playlist("List", tracks)
    assert counts(connection)["a"] == counts(connection)["List"] == counts(connection)["First"] == 5
    for number, change in enumerate(CHANGES):
        connection.execute(change.encode())
        assert counts(connection) == counted(connection), change
        if number % 3 == 0:
            connection.execute("select search_internal.fold_track_counts()")
            assert counts(connection) == counted(connection), change


def test_folding_makes_what_holds_much_popular(catalogue: Catalogue, connection: Connection) -> None:
    for number in range(20):
        catalogue.track(f"Track {number}", tags=("stone large",) + (("stone small",) if number == 0 else ()))
    connection.execute("select search_internal.fold_track_counts()")
    assert connection.execute("select count(*) from search.track_count_changes").fetchone() == (0,)
    assert catalogue.labels("stone", types=["tag"]) == ["stone large", "stone small"]
    assert [row["details"]["track_count"] for row in catalogue.search("stone", types=["tag"])] == [20, 1]


def test_two_writers_with_the_same_tags_do_not_wait(database: str, catalogue: Catalogue) -> None:
    one, other = catalogue.track("One", tags=("a", "b")), catalogue.track("Other", tags=("a", "b"))
    new, newer = catalogue.track("New"), catalogue.track("Newer")
    assert one != other
    with connect(database) as first, connect(database) as second:
        for session in (first, second):
            session.execute("set lock_timeout = '2s'")
        tag = "insert into track_tags select %s, id from tags where name = %s"
        first.execute(tag, [new, "a"])
        second.execute(tag, [newer, "b"])
        first.execute(tag, [new, "b"])
        second.execute(tag, [newer, "a"])
        first.commit()
        second.commit()
    assert {row["label"]: row["details"]["track_count"] for row in catalogue.search("a", types=["tag"])} == {"a": 4}


def test_folding_leaves_what_a_writer_holds_for_the_next_time(database: str, catalogue: Catalogue) -> None:
    artist = catalogue.artist("busy.example", "Busy")
    catalogue.track("Song", artist=artist, tags=("free",))
    with connect(database) as writer:
        writer.execute("update artists set display_name = 'Renamed' where did = %s", [artist])
        catalogue.connection.execute("set lock_timeout = '2s'")
        catalogue.connection.execute("select search_internal.fold_track_counts()")
        left = catalogue.connection.execute("select kind from search.track_count_changes").fetchall()
        assert left == [("artist",)]
        writer.commit()
    catalogue.connection.execute("select search_internal.fold_track_counts()")
    assert catalogue.connection.execute("select kind from search.track_count_changes").fetchall() == []


@pytest.mark.parametrize("kind", ["album", "tag"])
def test_what_two_writers_emptied_together_is_hidden_by_the_next_folding(
    database: str, catalogue: Catalogue, kind: str
) -> None:
    artist = catalogue.artist("pair.example", "Pair")
    album = catalogue.album("Emptied", artist)
    tracks = [catalogue.track(f"Song {n}", artist=artist, album_id=album, tags=("emptied",)) for n in (1, 2)]
    with connect(database) as first, connect(database) as second:
        first.execute("update tracks set visibility = 'unlisted' where id = %s", [tracks[0]])
        second.execute("update tracks set visibility = 'unlisted' where id = %s", [tracks[1]])
        first.commit()
        second.commit()
    catalogue.connection.execute("select search_internal.fold_track_counts()")
    assert catalogue.labels("emptied", types=[kind]) == []
