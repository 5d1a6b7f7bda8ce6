"""The search that is replaced: five lists by name, one by sound, one below the other."""

from typing import Any

import numpy as np
import psycopg
import pytest

from app.measure.predecessor import Predecessor
from tests.support.catalogue import Catalogue, direction


@pytest.fixture
def predecessor(connection: psycopg.Connection[Any]) -> Predecessor:
    return Predecessor(connection)


def test_five_kinds_sorted_by_raw_similarity(catalogue: Catalogue, predecessor: Predecessor) -> None:
    stone = catalogue.artist("stone.example", "Stone Mill")
    track = catalogue.track("Stone", artist=stone, tags=("stonework",))
    catalogue.album("Stones", stone)
    catalogue.playlist("Stoner", [track])
    found = predecessor.keyword("stone")
    assert {hit.type for hit in found} == {"track", "artist", "album", "tag", "playlist"}
    assert (found[0].type, found[0].key, found[0].relevance) == ("track", str(track), 1.0)
    relevances = [hit.relevance for hit in found]
    assert relevances == sorted(relevances, reverse=True)
    artist = next(hit for hit in found if hit.type == "artist")
    both = "select similarity('stone.example', 'stone'), similarity('Stone Mill', 'stone')"
    similarities: list[tuple[float, ...]] = catalogue.connection.execute(both).fetchall()  # type: ignore[assignment]
    assert artist.relevance == pytest.approx(max(similarities[0]))
    assert (found[0].artist_handle, found[0].artist_display_name) == ("stone.example", "Stone Mill")


def test_a_name_is_similar_or_contains_the_text(catalogue: Catalogue, predecessor: Predecessor) -> None:
    catalogue.track("Parsnips")
    catalogue.track("A Provisional List of Ferries Between Harwich and Esbjerg, with Corrections, Additions and Notes")
    catalogue.track("Nothing")
    assert [hit.label for hit in predecessor.keyword("parsnisp")] == ["Parsnips"]
    (contained,) = predecessor.keyword("ich a")
    assert contained.relevance <= 0.1
    assert contained.label.startswith("A Provisional")


def test_wildcards_mean_themselves(catalogue: Catalogue, predecessor: Predecessor) -> None:
    catalogue.track("Half")
    catalogue.track("100% Wool")
    catalogue.track("Snake_Case")
    assert [hit.label for hit in predecessor.keyword("%")] == ["100% Wool"]
    assert [hit.label for hit in predecessor.keyword("_")] == ["Snake_Case"]
    assert predecessor.keyword("\\") == []


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
        catalogue.track(f"Stone {number}")
        catalogue.album(f"Stone {number}")
    kinds = [hit.type for hit in predecessor.keyword("stone", limit=3)]
    assert sorted(kinds) == ["album"] * 3 + ["track"] * 3


def test_sounds_come_nearest_first_with_their_rows(catalogue: Catalogue, predecessor: Predecessor) -> None:
    far, near, middle = (catalogue.track(title) for title in ("Far", "Near", "Middle"))
    for track, lean in ((far, 2.0), (near, 0.0), (middle, 0.5)):
        catalogue.embed(track, direction(3, lean=lean))
    found = predecessor.semantic(direction(3), limit=2)
    assert [(hit.key, hit.label) for hit in found] == [(str(near), "Near"), (str(middle), "Middle")]
    assert found[1].relevance == pytest.approx(float(np.dot(direction(3), direction(3, lean=0.5))), abs=1e-3)
    assert found[0].artist_display_name == "Somebody"


def test_the_client_drops_sounds_that_names_have_found(catalogue: Catalogue, predecessor: Predecessor) -> None:
    named = catalogue.track("Stone")
    other = catalogue.track("Feather")
    catalogue.embed(named, direction(1))
    catalogue.embed(other, direction(1, lean=0.1))
    catalogue.album("Stone")
    found = predecessor.search("stone", direction(1))
    assert [(hit.type, hit.label) for hit in found] == [("track", "Stone"), ("album", "Stone"), ("track", "Feather")]
    # names lead whatever the scores say
    assert found[2].relevance > 0.9
    assert [hit.label for hit in predecessor.search("stone", None)] == ["Stone", "Stone"]
    assert "Feather" not in {hit.label for hit in predecessor.search("st", direction(1))}
    assert [hit.key for hit in found if hit.type == "track"] == [str(named), str(other)]
