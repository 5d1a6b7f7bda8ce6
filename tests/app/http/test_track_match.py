"""Why a track was found, in the words of the search itself."""

from collections.abc import Callable
from typing import Any

import pytest

from app.providers import Providers
from tests.app.conftest import Get
from tests.support.catalogue import Catalogue


def match(get: Get, track: int, q: str, **parameters: Any) -> dict[str, Any]:
    answer = get(f"/tracks/{track}/match", params={"q": q} | parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def tracks(catalogue: Catalogue, providers: Providers) -> dict[str, int]:
    """Tracks that match by name, by what they belong to, by sound, and by nothing."""
    catalogue.calibrate()
    quiet = catalogue.artist("quiet.example", "Quiet Guitar")
    ids = {
        "title": catalogue.track("Acoustic Guitar"),
        "artist": catalogue.track("Something", artist=quiet),
        "sound": catalogue.track("Else"),
        "nothing": catalogue.track("Opposite"),
    }
    near = providers.embedding.embed_text("acoustic guitar")
    catalogue.embed(ids["sound"], near)
    catalogue.embed(ids["title"], near)
    catalogue.embed(ids["nothing"], -near)
    return ids


def test_every_reason_is_told_the_best_first(get: Get, tracks: dict[str, int]) -> None:
    found = match(get, tracks["title"], "acoustic guitar")
    assert (found["rank"], found["tier"], found["available"]) == (1, "exact", True)
    signals = [(one["signal"], one["signal_tier"], one["signal_rank"]) for one in found["signals"]]
    assert signals == [("title", "exact", 1), ("sound", "sound", 1)]
    assert found["signals"][1]["value"] == pytest.approx(1, abs=1e-3)


@pytest.mark.usefixtures("tracks")
def test_it_agrees_with_the_search(get: Get) -> None:
    for q in ("acoustic guitar", "guitar", "quiet", "acustic"):
        results = get("/search/", params={"q": q}).json()["results"]
        for place, result in enumerate(results, start=1):
            if result["type"] == "track":
                found = match(get, result["id"], q)
                assert (found["rank"], found["tier"]) == (place, result["tier"])
                assert {one["signal"] for one in found["signals"]} >= set(result["matched"])


def test_a_track_that_was_not_found_has_no_place(get: Get, tracks: dict[str, int]) -> None:
    found = match(get, tracks["nothing"], "!!")
    assert (found["rank"], found["tier"], found["signals"]) == (None, None, [])


def test_without_a_model_names_are_explained(
    tracks: dict[str, int], get: Get, monkeypatch: pytest.MonkeyPatch, providers: Providers
) -> None:
    def fail(_text: str) -> None:
        raise RuntimeError("no model")

    monkeypatch.setattr(providers.embedding, "embed_text", fail)
    found = match(get, tracks["title"], "acoustic guitar")
    assert (found["available"], [one["signal"] for one in found["signals"]]) == (False, ["title"])


@pytest.mark.usefixtures("tracks")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tracks/999999/match?q=guitar", 404),
        ("/tracks/1/match?q=a", 422),
        ("/tracks/1/match", 422),
        ("/tracks/0/match?q=guitar", 422),
        ("/tracks/99999999999999999999/match?q=guitar", 404),
        ("/tracks/1/match?q=like:999999", 422),
    ],
)
def test_what_cannot_be_explained(get: Get, path: str, status: int) -> None:
    assert get(path).status_code == status


def test_a_private_track_is_explained_to_its_artist_alone(
    catalogue: Catalogue, with_client: Callable[..., Any], settings: Any
) -> None:
    did = catalogue.artist("me.example")
    track = catalogue.track("My secret", artist=did, visibility="private")
    settings.viewer_header = "X-Viewer"

    async def steps(client: Any) -> None:
        path = f"/tracks/{track}/match?q=my%20secret"
        assert (await client.get(path)).status_code == 404
        found = (await client.get(path, headers={"X-Viewer": did})).json()
        assert found["tier"] == "exact"

    with_client(steps)
