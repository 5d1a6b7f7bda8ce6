"""GET /search/ and GET /search/semantic against a real database and the real bundled model."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import open_client
from tests.support.catalogue import Catalogue, direction

Get = Callable[..., httpx2.Response]


def test_every_field_of_the_contract(get: Get, catalogue: Catalogue) -> None:
    catalogue.calibrate()
    artist = catalogue.artist("fernwood.example", "Fernwood Trio")
    album = catalogue.album("Fern Atlas", artist)
    track = catalogue.track(
        "Fern Index", artist=artist, album_id=album, tags=("ferns",), image_url="https://i.example/1"
    )
    catalogue.playlist("Fern Shelf", [track])
    catalogue.embed(track, direction(0))
    body = get("/search/", params={"q": "fern"}).json()
    assert body["query"] == "fern"
    assert body["counts"] == {"tracks": 1, "artists": 1, "albums": 1, "tags": 1, "playlists": 1}
    assert body["available"] is True
    fields = {result["type"]: result.keys() for result in body["results"]}
    common = {"type", "relevance"}
    assert fields["track"] >= common | {"id", "title", "artist_handle", "artist_display_name", "image_url"}
    assert fields["artist"] >= common | {"did", "handle", "display_name", "avatar_url"}
    assert fields["album"] >= common | {"id", "title", "slug", "artist_handle", "artist_display_name", "image_url"}
    assert fields["tag"] >= common | {"id", "name", "track_count"}
    assert fields["playlist"] >= common | {
        "id",
        "name",
        "owner_handle",
        "owner_display_name",
        "image_url",
        "track_count",
    }
    assert next(r for r in body["results"] if r["type"] == "track")["image_url"] == "https://i.example/1"


def test_semantic_fields_and_order(get: Get, catalogue: Catalogue, providers: Providers) -> None:
    catalogue.embed(catalogue.track("Far"), -providers.embedding.embed_text("gentle piano"))
    catalogue.calibrate()
    catalogue.embed(catalogue.track("Near"), providers.embedding.embed_text("gentle piano"))
    body = get("/search/semantic", params={"q": "gentle piano"}).json()
    assert (body["query"], body["available"]) == ("gentle piano", True)
    assert [result["title"] for result in body["results"]] == ["Near", "Far"]
    assert body["results"][0].keys() >= {
        "type", "id", "title", "artist_handle", "artist_display_name", "image_url", "similarity"
    }  # fmt: skip
    assert body["results"][0]["similarity"] == pytest.approx(1.0, abs=1e-3)


def test_before_calibration_names_are_found_by_name_alone(get: Get, catalogue: Catalogue, providers: Providers) -> None:
    for number in range(10):
        catalogue.embed(catalogue.track(f"Harbour {number}"), providers.embedding.embed_text("gentle piano"))
    named = get("/search/", params={"q": "harbour 7"}).json()
    assert [(result["title"], result["matched"]) for result in named["results"]] == [("Harbour 7", ["title"])]
    described = get("/search/", params={"q": "gentle piano"}).json()
    assert described["results"] == []
    for answer in (named, described):
        assert (answer["available"], answer["calibrated"], answer["vector_backend"]) == (False, False, None)
    heard = get("/search/semantic", params={"q": "gentle piano", "limit": 10}).json()
    assert (heard["available"], heard["calibrated"]) == (True, False)
    assert {result["confidence"] for result in heard["results"]} == {None}
    assert len(heard["results"]) == 10
    gone_by = get("/search/", params={"q": f"like:{named['results'][0]['id']}"}).json()
    assert (gone_by["available"], gone_by["calibrated"], len(gone_by["results"])) == (True, False, 9)

    catalogue.calibrate()
    described = get("/search/", params={"q": "gentle piano"}).json()
    assert (described["available"], described["calibrated"], len(described["results"])) == (True, True, 10)


def test_defaults_and_limits_of_the_contract(get: Get) -> None:
    parameters = {
        name: {p["name"]: p["schema"] for p in path["get"]["parameters"]}
        for name, path in get("/openapi.json").json()["paths"].items()
        if name.startswith("/search") and "get" in path
    }
    assert (
        parameters["/search/"]["limit"] | {"default": 20, "minimum": 1, "maximum": 50}
        == parameters["/search/"]["limit"]
    )
    semantic = parameters["/search/semantic"]
    assert semantic["limit"] | {"default": 10, "minimum": 1, "maximum": 50} == semantic["limit"]
    assert semantic["q"] | {"minLength": 3, "maxLength": 200} == semantic["q"]


@pytest.mark.parametrize(
    ("path", "parameters", "named"),
    [
        ("/search/", {"q": "x"}, "q"),
        ("/search/", {"q": "x" * 101}, "q"),
        ("/search/", {}, "q"),
        ("/search/", {"q": "fern", "limit": 0}, "limit"),
        ("/search/", {"q": "fern", "limit": 51}, "limit"),
        ("/search/", {"q": "fern", "limit": "many"}, "limit"),
        ("/search/", {"q": "fern", "type": "songs"}, "type"),
        ("/search/", {"q": "fern", "type": "songs,people"}, "type"),
        ("/search/", {"q": "fern", "sound": "quiet"}, "sound"),
        ("/search/semantic", {"q": "ab"}, "q"),
        ("/search/semantic", {"q": "x" * 201}, "q"),
        ("/search/semantic", {"q": "abc", "limit": 99}, "limit"),
    ],
)
def test_bad_input_names_the_parameter(get: Get, path: str, parameters: dict[str, Any], named: str) -> None:
    response = get(path, params=parameters)
    assert response.status_code == 422
    assert [error["loc"] for error in response.json()["detail"]] == [["query", named]]


@pytest.mark.parametrize(
    "q",
    ["it's", 'say "hi"', "a\\b", "100%", "__", "nul\0byte", "\0\0", "مرحبا بالعالم", "音楽を聴く", "  ", "<script>",
     "🎧🎧", "'; drop table tracks; --", "%00", "{}[]", "\u202eabc"],
)  # fmt: skip
def test_odd_text_gets_an_ordinary_answer(get: Get, catalogue: Catalogue, q: str) -> None:
    catalogue.embed(catalogue.track("Plain"), -direction(0))
    response = get("/search/", params={"q": q})
    assert response.status_code == 200
    assert response.json()["query"] == q


def test_types_are_plural_and_comma_separated(get: Get, catalogue: Catalogue) -> None:
    catalogue.track("Fern Index", artist=catalogue.artist("fern.example", "Fern"), tags=("fern",))
    found = get("/search/", params={"q": "fern", "type": "artists, tags"}).json()
    assert {result["type"] for result in found["results"]} == {"artist", "tag"}
    assert found["counts"]["tracks"] == 0
    assert found["available"] is True


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", {"track", "artist", "tag"}),
        (" , ", {"track", "artist", "tag"}),
        ("artists,", {"artist"}),
        ("users, artists,TAGS", {"artist", "tag"}),
    ],
)
def test_unknown_types_are_ignored_and_an_empty_list_is_all(
    get: Get, catalogue: Catalogue, wanted: str, found: set[str]
) -> None:
    catalogue.track("Fern Index", artist=catalogue.artist("fern.example", "Fern"), tags=("fern",))
    body = get("/search/", params={"q": "fern", "type": wanted}).json()
    assert {result["type"] for result in body["results"]} == found


def test_only_unknown_types_are_refused_with_the_known_ones(get: Get) -> None:
    answer = get("/search/", params={"q": "fern", "type": "users,songs"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"] == (
        "unknown type 'users': choose from tracks, artists, albums, tags, playlists, comma-separated"
    )


def test_names_only(get: Get, catalogue: Catalogue, providers: Providers) -> None:
    """What is alike by sound alone is left out, and the answer lacks nothing."""
    catalogue.embed(catalogue.track("Fern Index"), providers.embedding.embed_text("gentle piano"))
    catalogue.track("Gentle Piano", tags=("gentle piano",))
    body = get("/search/", params={"q": "gentle piano", "sound": "false"}).json()
    assert [(result["type"], result["tier"]) for result in body["results"]] == [("track", "exact"), ("tag", "exact")]
    assert (body["available"], body["vector_backend"], body["vector_fallback"]) == (True, None, False)


@pytest.mark.parametrize("title", ["techno -vocals", "like:12", "-vocals"])
def test_names_only_reads_no_description(get: Get, catalogue: Catalogue, title: str) -> None:
    catalogue.track(title)
    catalogue.track("Techno")
    body = get("/search/", params={"q": title, "sound": "false"}).json()
    assert (body["results"][0]["title"], body["results"][0]["tier"]) == (title, "exact")


def test_a_similarity_is_never_negative(get: Get, catalogue: Catalogue, providers: Providers) -> None:
    catalogue.embed(catalogue.track("Far"), -providers.embedding.embed_text("gentle piano"))
    catalogue.calibrate()
    for path in ("/search/", "/search/semantic"):
        [found] = get(path, params={"q": "gentle piano"}).json()["results"]
        assert (found["title"], found["similarity"], found["relevance"]) == ("Far", 0.0, 0.0)


def test_neighbours_have_no_negative_similarity(get: Get, catalogue: Catalogue) -> None:
    one, other = catalogue.track("One"), catalogue.track("Other")
    catalogue.embed(one, direction(0))
    catalogue.embed(other, -direction(0))
    assert [found["similarity"] for found in get(f"/tracks/{one}/similar").json()["results"]] == [0.0]


def test_semantic_results_up_to_the_limit_and_the_cap(
    settings: Settings, providers: Providers, catalogue: Catalogue
) -> None:
    vector = providers.embedding.embed_text("gentle piano")
    for number in range(60):
        catalogue.embed(catalogue.track(f"Track {number}"), vector)

    def count(limit: int | None, most: int = 50) -> int:
        async def steps() -> httpx2.Response:
            changed = settings.model_copy(update={"semantic_max_results": most})
            async with open_client(changed, providers) as http:
                asked = {"q": "gentle piano"} | ({} if limit is None else {"limit": str(limit)})
                return await http.get("/search/semantic", params=asked)

        return len(asyncio.run(steps()).json()["results"])

    assert [count(None), count(1), count(50)] == [10, 1, 50]
    assert [count(None, most=5), count(3, most=5), count(50, most=5)] == [5, 3, 5]


def test_visitors_never_see_what_is_private(get: Get, catalogue: Catalogue, providers: Providers) -> None:
    hidden = catalogue.track("Secret Piano", visibility="private")
    catalogue.embed(hidden, providers.embedding.embed_text("piano"))
    assert get("/search/", params={"q": "secret piano"}).json()["results"] == []
    assert get("/search/semantic", params={"q": "piano"}).json()["results"] == []
