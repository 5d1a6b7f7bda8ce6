"""Labelled queries asked of a real database."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from app.database import Database
from app.errors import UserError
from app.measure.relevance import Evaluation, LabelledFile, LabelledQuery, Ranking, open_harness
from app.measure.relevance.chance import expected_scores
from app.measure.relevance.entities import Entity, resolve_labels
from app.providers import Providers
from tests.support.catalogue import Catalogue

Measure = Callable[..., Evaluation]
TEXT = "calm acoustic guitar"


def labels(*queries: LabelledQuery) -> LabelledFile:
    return LabelledFile("labels.csv", list(queries))


@pytest.fixture
def resolve(database: str) -> Callable[..., list[dict[Entity, int]]]:
    """Resolves the labels of one query, given with their grades."""

    def run(relevant: Mapping[str, int], aliases: Mapping[str, str] | None = None) -> list[dict[Entity, int]]:
        async def steps() -> list[dict[Entity, int]]:
            async with Database.open(database) as opened:
                file = labels(LabelledQuery("fern", dict(relevant), line=7))
                return await resolve_labels(opened, file, aliases or {})

        return asyncio.run(steps())

    return run


@pytest.fixture
def measure(database: str, providers: Providers) -> Measure:
    """Measures one ranking on the test's database."""

    def run(file: LabelledFile, by: Ranking, **options: Any) -> Evaluation:
        async def steps() -> Evaluation:
            async with open_harness(database, providers.embedding, **options) as harness:
                return await harness.measure(file, by)

        return asyncio.run(steps())

    return run


def embed_near(catalogue: Catalogue, providers: Providers, track: int, share: float) -> None:
    """Give a track a vector with this cosine to that of TEXT."""
    towards = providers.embedding.embed_text(TEXT).astype(np.float64)
    aside = np.eye(len(towards))[0] - towards[0] * towards
    aside /= np.linalg.norm(aside)
    catalogue.embed(track, (share * towards + np.sqrt(1 - share**2) * aside).astype(np.float32))


# --- labels


def test_labels_name_entities_of_every_kind(catalogue: Catalogue, resolve: Callable[..., Any]) -> None:
    marit = catalogue.artist("marit.example", "Marit")
    album = catalogue.album("Shore", marit)
    track = catalogue.track("Salt/Sea", artist=marit, album_id=album, tags=("salt: a tag",))
    playlist = catalogue.playlist("Sea / Land", [track], owner_did=marit)
    entities = {("track", str(track)), ("artist", marit), ("album", str(album)), ("playlist", str(playlist))}
    keys = {str(track): 2, f"artist:{marit}": 1, f"album:{album}": 1, f"playlist:{playlist}": 1}
    (grades,) = resolve(keys)
    assert set(grades) == entities
    assert grades["track", str(track)] == 2
    names = ["track:marit.example/Salt/Sea", "artist:marit.example", "album:marit.example/shore"]
    (grades,) = resolve(dict.fromkeys([*names, "playlist:marit.example/Sea / Land", "tag:salt: a tag"], 1))
    assert {entity for entity in grades if entity[0] != "tag"} == entities
    assert len(grades) == 5


def test_aliases_and_labels_that_name_one_entity(catalogue: Catalogue, resolve: Callable[..., Any]) -> None:
    track = catalogue.track("Fern")
    assert resolve({"a/b.opus": 1}, {"a/b.opus": str(track)}) == [{("track", str(track)): 1}]
    assert resolve({"track:somebody.example/Fern": 3, str(track): 1}) == [{("track", str(track)): 3}]


def test_one_name_of_several_stands_for_all(catalogue: Catalogue, resolve: Callable[..., Any]) -> None:
    both = {("track", str(catalogue.track("Fern"))) for _ in range(2)}
    assert set(*resolve({"track:somebody.example/Fern": 1})) == both


@pytest.mark.parametrize("label", ["999999", "9" * 30, "track:nobody.example/Fern", "artist:nobody", "tag:1"])
def test_what_is_not_there_is_named(catalogue: Catalogue, resolve: Callable[..., Any], label: str) -> None:
    catalogue.track("Fern", tags=("moss",))
    with pytest.raises(UserError) as raised:
        resolve({label: 1})
    assert str(raised.value) == f"labels.csv, line 7: {label!r} is not in the database, or not listed for everybody"


def test_what_nobody_may_find_is_not_there(catalogue: Catalogue, resolve: Callable[..., Any]) -> None:
    private = catalogue.track("Fern", visibility="private", tags=("moss",))
    empty = catalogue.album("Empty")
    hidden = catalogue.playlist("Hidden", [private], visibility="private")
    for label in (str(private), f"album:{empty}", f"playlist:{hidden}", "tag:moss"):
        with pytest.raises(UserError, match="not listed"):
            resolve({label: 1})


@pytest.mark.parametrize("label", ["fern", "genre:rock", "track:", "-1", "calm/none.opus"])
def test_what_is_no_label_is_named(resolve: Callable[..., Any], label: str) -> None:
    with pytest.raises(UserError, match=r"labels.csv, line 7: .* is no label: write the id of a track, or one of"):
        resolve({label: 1})


# --- by sound


def test_sound_ranks_every_track_exactly(catalogue: Catalogue, providers: Providers, measure: Measure) -> None:
    tracks = [catalogue.track(f"T{number}") for number in range(5)]
    for track, share in zip(tracks, (0.1, 0.9, 0.3, 0.7, 0.5), strict=True):
        embed_near(catalogue, providers, track, share)
    # the order is tracks 1, 3, 4, 2, 0
    query = LabelledQuery(TEXT, {str(tracks[3]): 2, str(tracks[2]): 1})
    found = measure(labels(query), Ranking.SOUND)
    (result,) = found.results
    assert (found.candidates, found.page, found.rankings, found.baseline) == (5, 5, ["vibe_search", "chance"], "chance")
    ours = result.scores["vibe_search"]
    assert (ours.success_at_1, ours.success_at_5, ours.reciprocal_rank) == (0, 1, 0.5)
    assert ours.average_precision == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert result.scores["chance"] == expected_scores([2, 1], 5, 5)


def test_sound_leaves_out_what_is_no_track(catalogue: Catalogue, providers: Providers, measure: Measure) -> None:
    track = catalogue.track("T")
    embed_near(catalogue, providers, track, 0.5)
    answered = []
    mixed = LabelledQuery("slow", {str(track): 1, "artist:somebody.example": 1})
    artist = LabelledQuery("fast", {"artist:somebody.example": 1})
    found = measure(labels(mixed, artist), Ranking.SOUND, on_answer=lambda: answered.append(1))
    assert (len(found.results), found.left_out, len(answered)) == (1, 1, 2)
    assert found.results[0].relevant == 1
    with pytest.raises(UserError, match="only tracks have a sound"):
        measure(labels(artist), Ranking.SOUND)


def test_a_track_without_a_vector_is_named(catalogue: Catalogue, providers: Providers, measure: Measure) -> None:
    embed_near(catalogue, providers, catalogue.track("T"), 0.5)
    bare = catalogue.track("Bare")
    with pytest.raises(
        UserError, match=rf"1 of the 1 tracks have no vector yet, {bare} for one: run vibe-search worker"
    ):
        measure(labels(LabelledQuery(TEXT, {str(bare): 1})), Ranking.SOUND)


def test_a_text_without_a_vector(catalogue: Catalogue, measure: Measure) -> None:
    track = catalogue.track("🥝")
    file = labels(LabelledQuery("🥝", {str(track): 1}))
    with pytest.raises(UserError, match="nothing that the model could embed"):
        measure(file, Ranking.SOUND)
    # by name it is found
    assert measure(file, Ranking.UNIFIED).mean("vibe_search").success_at_1 == 1


# --- the search box


def test_the_box_stands_beside_the_predecessor(catalogue: Catalogue, measure: Measure) -> None:
    """Words of two names: by one name at a time, the artist comes first, for more of it was typed."""
    marit = catalogue.artist("marit.example", "Marit Oyen")
    track = catalogue.track("Isles of the Northern Atlantic", artist=marit)
    catalogue.track("Isles of Wight")
    catalogue.track("Hidden Isles", visibility="private")
    query = LabelledQuery("marit oyen isles", {str(track): 1}, "two fields")
    found = measure(labels(query), Ranking.UNIFIED, page=10)
    # two tracks, two artists
    assert (found.candidates, found.page, found.baseline) == (4, 10, "predecessor")
    (result,) = found.results
    assert result.scores["vibe_search"].success_at_1 == 1
    assert result.scores["predecessor"].success_at_1 == 0
    assert result.scores["predecessor"].success_at_10 == 1
    assert result.scores["chance"] == expected_scores([1], 4, 10)
    difference = found.difference("average_precision")
    assert difference.mean == pytest.approx(1 - result.scores["predecessor"].average_precision)
    assert difference.low is None


def test_the_box_finds_every_kind(catalogue: Catalogue, measure: Measure) -> None:
    catalogue.track("Fern", album_id=catalogue.album("Moss"), tags=("lichen",))
    catalogue.playlist("Bracken", [1])
    relevant = {
        "fern": "track:somebody.example/Fern",
        "moss": "album:somebody.example/moss",
        "lichen": "tag:lichen",
        "bracken": "playlist:somebody.example/Bracken",
        "somebody": "artist:somebody.example",
    }
    found = measure(labels(*(LabelledQuery(text, {label: 1}) for text, label in relevant.items())), Ranking.UNIFIED)
    for ranking in ("vibe_search", "predecessor"):
        assert found.mean(ranking).success_at_1 == 1


def test_each_mode_of_the_predecessor_stands_alone(
    catalogue: Catalogue, providers: Providers, measure: Measure
) -> None:
    named, heard = catalogue.track("Calm Acoustic Guitar"), catalogue.track("Fern")
    embed_near(catalogue, providers, heard, 0.9)
    catalogue.calibrate()
    found = measure(labels(LabelledQuery(TEXT, {str(named): 1, str(heard): 1})), Ranking.UNIFIED)
    (result,) = found.results
    assert found.rankings == ["vibe_search", "predecessor", "predecessor_mood", "chance"]
    keyword, mood = result.scores["predecessor"], result.scores["predecessor_mood"]
    assert (keyword.average_precision, mood.average_precision) == (0.5, 0.5)
    assert result.scores["vibe_search"].average_precision == 1


def test_ours_is_compared_with_the_better_mode(catalogue: Catalogue, providers: Providers, measure: Measure) -> None:
    named, heard = catalogue.track("Calm Acoustic Guitar"), catalogue.track("Fern")
    embed_near(catalogue, providers, heard, 0.9)
    for relevant, baseline in ((named, "predecessor"), (heard, "predecessor_mood")):
        found = measure(labels(LabelledQuery(TEXT, {str(relevant): 1})), Ranking.UNIFIED)
        assert found.baseline == baseline
        assert found.as_dict()["difference"]["to"] == baseline


def test_a_mood_of_two_characters_is_not_asked_for(
    catalogue: Catalogue, providers: Providers, measure: Measure
) -> None:
    track = catalogue.track("Fern")
    embed_near(catalogue, providers, track, 0.9)
    found = measure(labels(LabelledQuery("ab", {str(track): 1})), Ranking.UNIFIED)
    assert found.mean("predecessor_mood").success_at_10 == 0


def test_the_page_is_cut_over_all_kinds(catalogue: Catalogue, measure: Measure) -> None:
    for number in range(3):
        catalogue.track("Fern", play_count=10 - number)
    last = catalogue.track("Fern index")
    catalogue.album("Fern")
    query = labels(LabelledQuery("fern", {str(last): 1}))
    assert measure(query, Ranking.UNIFIED, page=3).mean("vibe_search").reciprocal_rank == 0
    assert measure(query, Ranking.UNIFIED, page=4).mean("vibe_search").reciprocal_rank == 1 / 4


def test_groups_are_summed_up(catalogue: Catalogue, measure: Measure) -> None:
    track = str(catalogue.track("Fern"))
    other = str(catalogue.track("Moss"))
    queries = [
        LabelledQuery("fern", {track: 1}, "exact"),
        LabelledQuery("moss", {track: 1}, "wrong"),
        LabelledQuery("mos", {other: 1}, "exact"),
    ]
    body = measure(labels(*queries), Ranking.UNIFIED).as_dict()
    groups = {group["group"]: (group["queries"], group["vibe_search"]["success_at_1"]) for group in body["groups"]}
    assert groups == {"exact": (2, 1.0), "wrong": (1, 0.0)}
    assert body["vibe_search"]["success_at_1"] == pytest.approx(2 / 3, abs=1e-4)
    assert body["difference"]["to"] == "predecessor"
    assert [query["text"] for query in body["queries"]] == ["fern", "moss", "mos"]


def test_another_model_serves(catalogue: Catalogue, measure: Measure) -> None:
    track = catalogue.track("Fern")
    catalogue.connection.execute("select search.register_model('other', 'other@1', 8), search.serve_model('other@1')")
    with pytest.raises(UserError, match=r"serves other@1, .* models pull"):
        measure(labels(LabelledQuery("fern", {str(track): 1})), Ranking.UNIFIED)


def test_a_query_that_goes_by_an_unknown_track(catalogue: Catalogue, measure: Measure) -> None:
    track = catalogue.track("Fern")
    with pytest.raises(UserError, match=r"labels\.csv: .*999999"):
        measure(labels(LabelledQuery("like:999999", {str(track): 1})), Ranking.UNIFIED)
