"""The vocabulary: it tells of listed names alone, forgets with the last of them, and prefers what is played."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.support.catalogue import Catalogue
from tests.support.waiting import wait_behind_lock

Connection = psycopg.Connection[Any]

_KNOWN = "select word from search.words where word = any (%s) order by word"
_COUNTS = "select word, documents, popularity from search.words order by word"
_FOLD = "select search_internal.fold_word_counts()"

STRANGER = "did:plc:stranger.example"


@pytest.fixture
def known(connection: Connection) -> Callable[..., list[str]]:
    """Which of some words the vocabulary has, once it is up to date."""

    def look(*words: str) -> list[str]:
        connection.execute(_FOLD)
        return [word for (word,) in connection.execute(_KNOWN, [list(words)]).fetchall()]

    return look


@pytest.mark.parametrize("visibility", ["private", "unlisted"])
def test_hidden_names_are_not_in_it(
    catalogue: Catalogue, known: Callable[..., list[str]], connection: Connection, visibility: str
) -> None:
    track = catalogue.track("Zanzibar Quarterly", visibility=visibility)
    assert known("zanzibar", "quarterly") == []
    connection.execute("update tracks set visibility = 'public' where id = %s", [track])
    assert known("zanzibar", "quarterly") == ["quarterly", "zanzibar"]
    connection.execute("update tracks set visibility = %s where id = %s", [visibility, track])
    assert known("zanzibar", "quarterly") == []


def test_a_word_leaves_with_its_last_name(
    catalogue: Catalogue, known: Callable[..., list[str]], connection: Connection
) -> None:
    first, second = catalogue.track("Zanzibar"), catalogue.track("Zanzibar Again")
    connection.execute("delete from tracks where id = %s", [first])
    assert known("zanzibar") == ["zanzibar"]
    connection.execute("update tracks set title = 'Renamed' where id = %s", [second])
    assert known("zanzibar", "again", "renamed") == ["renamed"]
    assert connection.execute("select from search.word_deletions where word = 'zanzibar'").fetchall() == []
    catalogue.track("Zanzibar")
    assert known("zanzibar") == ["zanzibar"]


@pytest.mark.parametrize("query", ["zanz", "zanzibra", "quarterly zanz", "zibar", "quartrely zanzibar", "quarterly"])
def test_artists_find_their_own_private_names(catalogue: Catalogue, query: str) -> None:
    artist = catalogue.artist("ann.example", "Ann")
    catalogue.track("A Zanzibar Quarterly", artist=artist, visibility="private")
    assert catalogue.labels(query, viewer=artist, types=["track"]) == ["A Zanzibar Quarterly"]
    assert catalogue.labels(query, viewer=STRANGER) == catalogue.labels(query) == []


PRIVATE = "unreleased zanzibar"
QUERIES = [
    *(word[:length] for word in PRIVATE.split() for length in range(1, len(word) + 1)),
    *(f"{word[:place]}x{word[place + 1 :]}" for word in PRIVATE.split() for place in range(len(word))),
    *(word[place : place + 3] for word in PRIVATE.split() for place in range(len(word) - 2)),
    *(f"night {word[:length]}" for word in PRIVATE.split() for length in range(1, len(word) + 1)),
    *(f"{letter} nihgt" for letter in "uzn"),
]


def test_another_persons_search_tells_nothing_of_a_private_name(catalogue: Catalogue, connection: Connection) -> None:
    """The oracle's own words fill a limit: a word that came between would push out the last of them."""
    stranger = catalogue.artist("stranger.example", "Stranger")
    filling = [f"{a}{b}zibaaa" for a in "abcdefg" for b in "hijklmn"]
    for title in ["Night", "zzzzzzzib", " ".join(filling[:25]), " ".join(filling[25:])]:
        catalogue.track(title, artist=stranger)
    assert "zzzzzzzib" in catalogue.labels("zib")

    def look() -> list[object]:
        connection.execute(_FOLD)
        connection.execute("analyze search.documents")
        connection.execute("select search.refresh_common_words()")
        return [
            [(row["type"], row["key"], row["tier"], row["matched"], row["relevance"]) for row in found]
            for query in QUERIES
            for found in (catalogue.search(query, viewer=STRANGER), catalogue.search(query))
        ]

    before = look()
    catalogue.track(
        PRIVATE,
        artist=catalogue.artist("ann.example", "Ann"),
        visibility="private",
        play_count=5000,
        tags=("zanzibar",),
    )
    assert catalogue.labels(PRIVATE, viewer="did:plc:ann.example")[0] == PRIVATE
    # an artist's own name is no secret, and it is all that came
    assert look() == before


def test_private_misspellings_do_not_stand_in_the_way(catalogue: Catalogue, connection: Connection) -> None:
    """Whether they are there or gone again."""
    catalogue.track("Theodolite")
    assert catalogue.labels("theodolyte") == ["Theodolite"]
    spam = catalogue.track(
        " ".join(f"{letter}theodolyte" for letter in "abcdefghijkl"),
        artist=catalogue.artist("spam.example", "Spam"),
        visibility="private",
    )
    assert catalogue.labels("theodolyte") == ["Theodolite"]
    connection.execute("delete from tracks where id = %s", [spam])
    assert catalogue.labels("theodolyte") == ["Theodolite"]


@pytest.fixture
def spammed(catalogue: Catalogue, connection: Connection) -> Catalogue:
    """A name that is played, and 10,000 listed words near to it that are not; many are nearer to the typos of it."""
    catalogue.track("Theodolite", play_count=900)
    catalogue.track("Theodolite Dub", play_count=90)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [f"theodol{a}t{b}" for a in letters for b in letters]
    words += [f"{a}{b}odoli{c}" for a in letters for b in letters for c in letters]
    words = [word for word in dict.fromkeys(words) if word != "theodolite"][:10_000]
    artist = catalogue.artist("spam.example", "Spam")
    connection.execute(
        "insert into tracks (artist_did, title, file_id, file_type) "
        "select %s, word, word, 'mp3' from unnest(%s::text[]) word",
        [artist, words],
    )
    connection.execute(_FOLD)
    return catalogue


@pytest.mark.parametrize("typed", ["theodoltie", "theodolitt", "theodlite", "odoli"])
def test_what_is_played_is_likelier_than_ten_thousand_words(spammed: Catalogue, typed: str) -> None:
    assert "Theodolite" in spammed.labels(typed, types=["track"])


def test_counts_are_those_of_the_listed_names(catalogue: Catalogue, connection: Connection) -> None:
    tracks = [catalogue.track(f"Moss {n}", play_count=4**n, tags=("moss",)) for n in range(4)]
    catalogue.playlist("Moss and Fern", tracks)
    for change in (
        "update tracks set visibility = 'private' where title = 'Moss 1'",
        "update tracks set play_count = 9000 where title = 'Moss 2'",
        "update tracks set title = 'Fern' where title = 'Moss 3'",
        "update artists set display_name = 'Moss Collector'",
        "delete from tracks where title = 'Moss 0'",
        "update tags set name = 'lichen'",
        "update playlists set visibility = 'private'",
    ):
        connection.execute(change.encode())
        connection.execute("select search_internal.fold_track_counts()")
    connection.execute(_FOLD)
    kept = connection.execute(_COUNTS).fetchall()
    assert ("moss", 2, 4096 + 1) in kept
    assert connection.execute("select search_internal.count_words()").fetchone() == (0,)
    connection.execute("select search.rebuild_documents()")
    assert connection.execute(_COUNTS).fetchall() == kept


def test_counting_anew_mends_what_an_earlier_version_left(catalogue: Catalogue, connection: Connection) -> None:
    catalogue.track("Moss")
    before = connection.execute(_COUNTS).fetchall()
    connection.execute("update search.words set documents = null, popularity = null")
    connection.execute("insert into search.words (word) values ('secret')")
    # not counted yet: nothing may leave
    connection.execute("update tracks set title = 'Moss and Fern'")
    assert connection.execute(_FOLD).fetchone() == (0,)
    assert catalogue.labels("moss") == ["Moss and Fern"]
    connection.execute("update tracks set title = 'Moss'")
    connection.execute("select search_internal.count_words()")
    connection.execute(_FOLD)
    assert connection.execute(_COUNTS).fetchall() == before


def test_a_word_that_is_being_counted_again_stays(database: str, catalogue: Catalogue, connection: Connection) -> None:
    connection.execute("delete from tracks where id = %s", [catalogue.track("Moss")])
    artist = catalogue.artist()
    with psycopg.connect(database) as writer:
        writer.execute(
            "insert into tracks (artist_did, title, file_id, file_type) values (%s, 'Moss Again', 'f', 'mp3')", [artist]
        )
        # the folding does not wait
        connection.execute(_FOLD)
        assert catalogue.labels("moss") == []
        writer.commit()
    assert catalogue.labels("moss") == ["Moss Again"]
    connection.execute(_FOLD)
    assert ("moss", 1, 1) in connection.execute(_COUNTS).fetchall()


def test_a_word_that_is_being_removed_comes_back(database: str, catalogue: Catalogue, connection: Connection) -> None:
    artist = catalogue.artist()
    connection.execute("delete from tracks where id = %s", [catalogue.track("Moss")])
    insert = "insert into tracks (artist_did, title, file_id, file_type) values (%s, 'Moss Again', 'f', 'mp3')"
    with (
        psycopg.connect(database) as folding,
        psycopg.connect(database, autocommit=True) as writer,
        ThreadPoolExecutor(1) as pool,
    ):
        folding.execute(_FOLD)
        written = pool.submit(writer.execute, insert.encode(), [artist])
        wait_behind_lock(written, writer, connection)
        folding.commit()
        written.result()
    assert catalogue.labels("moss") == ["Moss Again"]
    assert ("moss", 1, 1) in connection.execute(_COUNTS).fetchall()
