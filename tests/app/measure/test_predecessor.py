"""The search that is replaced: five lists by keyword, merged, or one by mood."""

from typing import Any

import numpy as np
import psycopg
import pytest

from app.measure.predecessor import Predecessor
from tests.support.catalogue import Catalogue, direction


@pytest.fixture
def predecessor(connection: psycopg.Connection[Any]) -> Predecessor:
    return Predecessor(connection)


def word_similarity(catalogue: Catalogue, text: str, name: str) -> float:
    row = catalogue.connection.execute("select word_similarity(%s, %s)", [text, name]).fetchone()
    assert row is not None
    return float(str(row[0]))


def test_five_kinds_are_merged_in_the_order_of_their_relevance(catalogue: Catalogue, predecessor: Predecessor) -> None:
    stone = catalogue.artist("mill.example", "Old Stone Mill")
    track = catalogue.track("Stone", artist=stone, tags=("stonework",))
    catalogue.track("Bark", artist=stone, album_id=catalogue.album("Whetstones", stone))
    catalogue.playlist("Sotne", [track])
    found = predecessor.keyword("stone")
    assert [(hit.type, hit.label) for hit in found] == [
        ("track", "Stone"),
        ("tag", "stonework"),
        ("artist", "Old Stone Mill"),
        ("album", "Whetstones"),
        ("playlist", "Sotne"),
    ]
    relevance = {hit.label: hit.relevance for hit in found}
    assert relevance["Stone"] == 5
    assert relevance["stonework"] == pytest.approx(3 + word_similarity(catalogue, "stone", "stonework"))
    assert relevance["Old Stone Mill"] == 2.5
    assert relevance["Whetstones"] == pytest.approx(1.5 + word_similarity(catalogue, "stone", "whetstones"))
    assert relevance["Sotne"] == pytest.approx(word_similarity(catalogue, "stone", "sotne"))
    assert (found[0].artist_handle, found[0].artist_display_name) == ("mill.example", "Old Stone Mill")


def test_the_better_name_of_an_artist_counts(catalogue: Catalogue, predecessor: Predecessor) -> None:
    catalogue.artist("fern.example", "Moss")
    catalogue.artist("bark.example", "Fern")
    assert [(hit.label, hit.relevance) for hit in predecessor.keyword("FERN")] == [("Fern", 5), ("Moss", 4)]
    assert predecessor.keyword("bark.example")[0].relevance == 5


def test_a_name_is_similar_or_contains_the_text(catalogue: Catalogue, predecessor: Predecessor) -> None:
    catalogue.track("Parsnips")
    catalogue.track("A Provisional List of Ferries Between Harwich and Esbjerg, with Corrections, Additions and Notes")
    catalogue.track("Nothing")
    assert [hit.label for hit in predecessor.keyword("parsnisp")] == ["Parsnips"]
    (contained,) = predecessor.keyword("ich a")
    assert contained.label.startswith("A Provisional")


def test_curly_quotes_case_and_outer_spaces_are_not_compared(catalogue: Catalogue, predecessor: Predecessor) -> None:
    catalogue.track("Don’t “Stop”")
    for text in ('don\'t "stop"', " DON‘T “STOP” "):
        assert [hit.relevance for hit in predecessor.keyword(text)] == [5], text


def test_wildcards_mean_themselves(catalogue: Catalogue, predecessor: Predecessor) -> None:
    catalogue.track("Half")
    catalogue.track("100% Wool")
    catalogue.track("Snake_Case")
    assert [hit.label for hit in predecessor.keyword("%")] == ["100% Wool"]
    assert [hit.label for hit in predecessor.keyword("_")] == ["Snake_Case"]
    assert predecessor.keyword("\\") == []


def test_an_album_without_tracks_is_not_found(catalogue: Catalogue, predecessor: Predecessor) -> None:
    catalogue.album("Stone")
    catalogue.track("Bark", album_id=catalogue.album("Stonework"))
    assert [hit.label for hit in predecessor.keyword("stone")] == ["Stonework"]


def test_only_what_everybody_may_find(catalogue: Catalogue, predecessor: Predecessor) -> None:
    for visibility in ("public", "supporters", "unlisted", "private"):
        track = catalogue.track(f"Stone {visibility}", visibility=visibility)
        catalogue.embed(track, direction(0))
        if visibility != "supporters":
            catalogue.playlist(f"Stone list {visibility}", [track], visibility=visibility)
    assert {hit.label for hit in predecessor.keyword("stone")} == {
        "Stone public",
        "Stone supporters",
        "Stone list public",
    }
    assert {hit.label for hit in predecessor.semantic(direction(0))} == {"Stone public", "Stone supporters"}


def test_the_limit_is_one_of_each_kind(catalogue: Catalogue, predecessor: Predecessor) -> None:
    for number in range(4):
        catalogue.track(f"Stone {number}", tags=(f"stone {number}",))
    kinds = [hit.type for hit in predecessor.keyword("stone", limit=3)]
    assert sorted(kinds) == ["tag"] * 3 + ["track"] * 3


def test_sounds_come_nearest_first_with_their_rows(catalogue: Catalogue, predecessor: Predecessor) -> None:
    far, near, middle = (catalogue.track(title) for title in ("Far", "Near", "Middle"))
    for track, lean in ((far, 2.0), (near, 0.0), (middle, 0.5)):
        catalogue.embed(track, direction(3, lean=lean))
    found = predecessor.semantic(direction(3), limit=2)
    assert [(hit.key, hit.label) for hit in found] == [(str(near), "Near"), (str(middle), "Middle")]
    assert found[1].relevance == pytest.approx(float(np.dot(direction(3), direction(3, lean=0.5))), abs=1e-3)
    assert found[0].artist_display_name == "Somebody"


def test_a_mood_has_five_tracks_unless_more_are_asked_for(catalogue: Catalogue, predecessor: Predecessor) -> None:
    for number in range(7):
        catalogue.embed(catalogue.track(f"Stone {number}"), direction(1, lean=number / 10))
    assert len(predecessor.semantic(direction(1))) == 5
    assert len(predecessor.semantic(direction(1), limit=7)) == 7


def test_what_sounds_opposite_has_no_relevance(catalogue: Catalogue, predecessor: Predecessor) -> None:
    catalogue.embed(catalogue.track("Stone"), -direction(1))
    assert [hit.relevance for hit in predecessor.semantic(direction(1))] == [0]
