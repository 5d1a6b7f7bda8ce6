"""GET /tracks/{track_id}/similar."""

from collections.abc import Callable

import httpx2
import pytest

from tests.support.catalogue import Catalogue, direction

Get = Callable[..., httpx2.Response]


def test_neighbours_of_a_recording(get: Get, sounding: dict[str, int]) -> None:
    track = sounding["happy_acoustic_1"]
    body = get(f"/tracks/{track}/similar", params={"limit": 4}).json()
    assert (body["track_id"], body["available"]) == (track, True)
    assert len(body["results"]) == 4
    name_of = {track: name for name, track in sounding.items()}
    assert all("_acoustic_" in name_of[result["id"]] for result in body["results"])
    similarities = [result["similarity"] for result in body["results"]]
    assert similarities == sorted(similarities, reverse=True)
    assert not any(result["near_duplicate"] for result in body["results"])


def test_every_field_of_the_contract(get: Get, catalogue: Catalogue) -> None:
    for title in ("Source", "Copy"):
        catalogue.embed(catalogue.track(title), direction(0))
    result = get("/tracks/1/similar").json()["results"][0]
    assert (result["type"], result["id"], result["title"], result["near_duplicate"]) == ("track", 2, "Copy", True)
    assert (result["tier"], result["matched"], result["similarity"]) == ("sound", ["sound"], 1.0)
    assert result.keys() >= {"artist_handle", "artist_display_name", "image_url", "file_id", "album_title"}


def test_a_track_that_has_not_been_listened_to(get: Get, catalogue: Catalogue) -> None:
    catalogue.embed(catalogue.track("Heard"), direction(0))
    silent = catalogue.track("Silent")
    nothing = {"track_id": silent, "results": [], "available": False, "vector_backend": None, "vector_fallback": False}
    assert get(f"/tracks/{silent}/similar").json() == nothing


def test_a_track_alone(get: Get, catalogue: Catalogue) -> None:
    catalogue.embed(catalogue.track("Alone"), direction(0))
    found = get("/tracks/1/similar").json()
    assert found == {"track_id": 1, "results": [], "available": True} | {
        "vector_backend": "pgvector",
        "vector_fallback": False,
    }


def test_unknown_and_hidden_tracks_look_alike(get: Get, catalogue: Catalogue) -> None:
    for visibility in ("private", "unlisted"):
        catalogue.embed(catalogue.track("Hidden", visibility=visibility), direction(0))
    answers = [get(f"/tracks/{track}/similar") for track in (1, 2, 999, 10**25)]
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.text for answer in answers} == {'{"detail":"no such track"}'}


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/tracks/x/similar", ["path", "track_id"]),
        ("/tracks/0/similar", ["path", "track_id"]),
        ("/tracks/1/similar?limit=0", ["query", "limit"]),
        ("/tracks/1/similar?limit=51", ["query", "limit"]),
    ],
)
def test_refusals_name_the_parameter(get: Get, path: str, named: list[str]) -> None:
    response = get(path)
    assert response.status_code == 422
    assert [error["loc"] for error in response.json()["detail"]] == [named]
