"""The index over words: several of them, in any order, begun or misspelt, and what keeps it fresh."""

from typing import Any

import psycopg
import pytest

from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]


@pytest.mark.parametrize(
    "query",
    ["tributaries of the elde", "elde tributaries", "the elde of tributaries", "elde trib", "trib eld",
     "tributaires elde", "elde tributeries", "tributaries elbe"],
)  # fmt: skip
def test_words_in_any_order_begun_or_misspelt(catalogue: Catalogue, query: str) -> None:
    catalogue.track("Tributaries of the Elde")
    catalogue.track("Cabinet of Spoons", play_count=1000)
    catalogue.track("Elder Statesman", play_count=1000)
    assert catalogue.labels(query)[0] == "Tributaries of the Elde"
    assert "Cabinet of Spoons" not in catalogue.labels(query)


def test_every_word_counts(catalogue: Catalogue) -> None:
    catalogue.track("Colander and Compass")
    assert catalogue.labels("acoustic guitar and piano") == []
    assert catalogue.labels("compass and anchor") == []


def test_two_fields_at_once(catalogue: Catalogue) -> None:
    marit = catalogue.artist("marit.example", "Marit Øyen")
    album = catalogue.album("Coastal Gazetteer", marit)
    catalogue.track("Isles of Hitra", artist=marit, album_id=album, tags=("norway",))
    catalogue.track("Isles of Wight", artist=catalogue.artist("other.example", "Other"), play_count=9999)
    for query in ("marit isles", "isles marit oyen", "hitra coastal", "isles norway", "isles mar"):
        assert catalogue.labels(query, types=["track"]) == ["Isles of Hitra"], query
    assert [
        catalogue.search(query, types=["track"])[0]["matched"]
        for query in ("marit isles", "hitra coastal", "isles norway")
    ] == [["title", "artist"], ["title", "album"], ["title", "tag"]]


@pytest.mark.parametrize(
    ("typed", "title"),
    [("theodolyte", "Theodolite"), ("tehodolite", "Theodolite"), ("heodolite", "Theodolite"),
     ("theoddolite", "Theodolite"), ("thoedoilte", "Theodolite"), ("stoen", "Stone"),
     ("sotne", "Stone"), ("stine", "Stone"), ("ston", "Stone"), ("крата", "Карта")],
)  # fmt: skip
def test_typos(catalogue: Catalogue, typed: str, title: str) -> None:
    for name in ("Theodolite", "Stone", "Карта", "Harbour", "Ledger", "Isthmus"):
        catalogue.track(name)
    assert catalogue.labels(typed) == [title]


@pytest.mark.parametrize("typed", ["theo", "xyzzy", "sto ne", "leger harbuor isthmsu theo extra"])
def test_more_than_typos_is_not_forgiven(catalogue: Catalogue, typed: str) -> None:
    for name in ("Stone", "Harbour", "Ledger"):
        catalogue.track(name)
    assert catalogue.labels(typed) == []


def test_typing_a_title_never_loses_it(catalogue: Catalogue) -> None:
    titles = [
        "Peninsula Customs Office",
        "Peninsula Parcel Office",
        "Żurek for Seven",
        "Карта Онежского озера",
        "地図と台所",
    ]
    for title in titles:
        catalogue.track(title)
    for title in titles:
        found = [title in catalogue.labels(title[:length]) for length in range(1, len(title) + 1)]
        assert all(found[found.index(True) :]), title


def test_the_most_popular_come_however_many_match(catalogue: Catalogue, connection: Connection) -> None:
    artist = catalogue.artist()
    connection.execute(
        "insert into tracks (artist_did, title, file_id, file_type, play_count) "
        "select %s, 'River ' || n, 'f', 'mp3', n * n from generate_series(1, 500) n",
        [artist],
    )
    expected = [f"River {number}" for number in range(500, 490, -1)]
    assert catalogue.labels("river", max_per_type=10) == expected
    assert catalogue.labels("riv", max_per_type=10) == expected
    connection.execute("update tracks set title = 'The ' || title")
    assert catalogue.labels("river", max_per_type=10) == [f"The {title}" for title in expected]


def test_renaming_reaches_everything_that_bears_the_name(catalogue: Catalogue, connection: Connection) -> None:
    artist = catalogue.artist("same.example", "Before")
    album = catalogue.album("Atlas", artist)
    catalogue.track("Moss", artist=artist, album_id=album, tags=("ferns",))
    connection.execute("update artists set display_name = 'Afterwards' where did = %s", [artist])
    connection.execute("update albums set title = 'Herbarium' where id = %s", [album])
    connection.execute("update tags set name = 'mosses'")
    for query in ("afterwards moss", "herbarium moss", "mosses moss"):
        assert catalogue.labels(query, types=["track"]) == ["Moss"], query
    assert catalogue.labels("afterwards herbarium", types=["album"]) == ["Herbarium"]
    for query in ("before moss", "atlas moss", "ferns moss"):
        assert catalogue.labels(query, types=["track"]) == [], query


def test_tracks_of_a_tag_are_those_that_carry_it(catalogue: Catalogue) -> None:
    harbour = catalogue.artist("harbour.example", "Harbour")
    catalogue.track("By The Artist", artist=harbour)
    catalogue.track("Tagged", artist=catalogue.artist("other.example", "Other"), tags=("harbour",))
    found = {row["label"]: row["matched"] for row in catalogue.search("harbour", types=["track", "tag"])}
    assert found == {"harbour": ["name"], "Tagged": ["tag"]}


_STATE = """
select kind, key, field, label, normalized, context, popularity, track_count, level, tokens, listed, owner
from search.documents order by kind, key, field
"""


def test_triggers_keep_what_a_rebuild_would_make(catalogue: Catalogue, connection: Connection) -> None:
    artist = catalogue.artist("one.example", "One")
    album = catalogue.album("First", artist)
    tracks = [
        catalogue.track(f"Track {n}", artist=artist, album_id=album, tags=("a", f"t{n}"), play_count=n)
        for n in range(5)
    ]
    catalogue.playlist("List", tracks)
    for change in (
        "update tracks set visibility = 'private' where title = 'Track 1'",
        "update tracks set visibility = 'unlisted' where title = 'Track 2'",
        "update tracks set play_count = 5000, title = 'Popular' where title = 'Track 3'",
        "delete from tracks where title = 'Track 4'",
        "delete from track_tags where tag_id = (select id from tags where name = 't0')",
        "update artists set handle = 'two.example' where display_name = 'One'",
        "update artists set did = 'did:plc:moved' where handle = 'two.example'",
        "update albums set title = 'Second'",
        "insert into tracks (id, artist_did, title, file_id, file_type) select 9, min(did), 'A', 'f', 'a' from artists",
        "update tracks set id = 901 where id = 9",
        "update playlists set visibility = 'private'",
    ):
        connection.execute(change.encode())
    connection.execute("select search_internal.fold_track_counts()")
    kept = connection.execute(_STATE.encode()).fetchall()
    assert len(kept) >= 7
    connection.execute("select search.rebuild_documents()")
    assert connection.execute(_STATE.encode()).fetchall() == kept


def test_the_vocabulary_has_every_word_with_its_deletions(catalogue: Catalogue, connection: Connection) -> None:
    catalogue.track("Stone Stone Ox")
    assert connection.execute("select word from search.words where word in ('stone', 'ox') order by 1").fetchall() == [
        ("ox",), ("stone",)
    ]  # fmt: skip
    deletions = connection.execute(
        "select deletion from search.word_deletions where word = 'stone' order by 1"
    ).fetchall()
    assert [row[0] for row in deletions] == sorted(["sone", "ston", "stoe", "stne", "stone", "tone"])
