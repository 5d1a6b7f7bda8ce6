"""Who is asking, and what the feature flag gives him."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import open_client
from tests.support.catalogue import Catalogue, direction
from tests.support.recordings import chirp, encode

Ask = Callable[..., dict[str, Any]]

ENDPOINTS = ("/search/?q=gentle+piano", "/search/semantic?q=gentle+piano", "/tracks/1/similar", "/search/by-audio")


@pytest.fixture
def me(catalogue: Catalogue) -> str:
    return catalogue.artist("me.example", "Me")


@pytest.fixture
def ask(settings: Settings, providers: Providers, catalogue: Catalogue, me: str) -> Callable[..., dict[str, Any]]:
    """Asks an endpoint of an application that knows viewers; there are two public tracks and a private one."""
    catalogue.calibrate()
    vector = providers.embedding.embed_text("gentle piano")
    rows: dict[str, dict[str, Any]] = {
        "Source": {},
        "Public": {},
        "Gentle Piano": {"visibility": "private", "artist": me},
    }
    for title, columns in rows.items():
        catalogue.embed(catalogue.track(title, **columns), vector)

    def request(path: str, *viewers: str, everyone: bool = True, header: str | None = "x-viewer-did") -> dict[str, Any]:
        changed = settings.model_copy(update={"vibe_search_for_everyone": everyone, "viewer_header": header})
        headers = [("X-Viewer-DID", viewer) for viewer in viewers]

        async def steps() -> httpx2.Response:
            async with open_client(changed, providers) as client:
                if path != "/search/by-audio":
                    return await client.get(path, headers=headers)
                clip = encode(chirp(4.0, 44_100)[None], "mp3")
                return await client.post(path, headers=headers, files={"file": ("clip.mp3", clip)})

        response = asyncio.run(steps())
        assert response.status_code == 200
        assert response.headers["vary"] == ", ".join(filter(None, ["authorization", header]))
        body: dict[str, Any] = response.json()
        return body

    return request


def titles(body: dict[str, Any]) -> set[str]:
    return {result["title"] for result in body["results"]}


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_viewer_sees_his_own_private_tracks(ask: Ask, me: str, path: str) -> None:
    assert "Gentle Piano" in titles(ask(path, me))
    for viewers in ((), ("did:plc:other",), ("",), (me, "did:plc:other")):
        found = titles(ask(path, *viewers))
        assert found <= {"Source", "Public"}
        assert "Public" in found


@pytest.mark.parametrize("path", ENDPOINTS)
def test_without_the_setting_no_header_is_believed(ask: Ask, me: str, path: str) -> None:
    assert "Gentle Piano" not in titles(ask(path, me, header=None))


@pytest.mark.parametrize("path", ENDPOINTS)
def test_the_flag_gives_sound(ask: Ask, catalogue: Catalogue, me: str, path: str) -> None:
    other = catalogue.artist("other.example", "Other")
    catalogue.connection.execute("insert into feature_flags values (%s, 'vibe-search'), (%s, 'else')", [me, other])
    flagged = ask(path, me, everyone=False)
    assert flagged["available"] is True
    assert any("sound" in result["matched"] for result in flagged["results"])
    for viewers in ((), (other,), ("did:plc:nobody",)):
        body = ask(path, *viewers, everyone=False)
        assert body["available"] is False
        assert body["results"] == []
        assert ask(path, *viewers)["available"] is True


def test_without_the_flag_names_are_found(ask: Ask, me: str) -> None:
    found = ask("/search/?q=source", me, everyone=False)
    assert [(result["title"], result["matched"]) for result in found["results"]] == [("Source", ["title"])]
    assert found["available"] is False
    assert ask("/search/?q=me&type=artists", me, everyone=False)["available"] is True
    assert ask("/search/?q=source&sound=false", me, everyone=False)["available"] is True


def test_own_private_tracks_can_be_gone_by(
    settings: Settings, providers: Providers, catalogue: Catalogue, me: str
) -> None:
    catalogue.embed(catalogue.track("Public"), direction(0))
    catalogue.embed(catalogue.track("Mine", visibility="private", artist=me), direction(0))
    knowing = settings.model_copy(update={"viewer_header": "x-viewer"})

    async def steps() -> list[int]:
        async with open_client(knowing, providers) as client:
            asked = [
                await client.get(path, headers={"x-viewer": viewer})
                for path in ("/search/?q=like:2", "/tracks/2/similar")
                for viewer in (me, "did:plc:other")
            ]
            return [response.status_code for response in asked]

    assert asyncio.run(steps()) == [200, 422, 200, 404]


def test_an_odd_header_name_is_refused() -> None:
    with pytest.raises(ValueError, match="viewer_header"):
        Settings(_env_file=None, viewer_header="X Viewer")
