"""Viewers by tokens that an application has signed (VIEWER_JWT_KEYS)."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.errors import UserError
from app.providers import Providers, build_viewers
from app.settings import Settings
from tests.app.conftest import bearer, open_client
from tests.support.catalogue import Catalogue
from tests.support.session_app import SessionApp, session_app
from tests.support.signing import AUDIENCE, ISSUER, SigningKey, key_set

SEARCH = "/search/?q=secret&type=tracks"
KEY = SigningKey.generate("ES256", "ec-1")
Run = Callable[..., Any]


@pytest.fixture
def me(catalogue: Catalogue) -> str:
    return catalogue.artist("me.example", "Me")


@pytest.fixture
def application(me: str) -> Iterator[SessionApp]:
    """An application that publishes its keys, and knows a session."""
    with session_app({"mine": me, "opaque": me}) as opened:
        opened.documents["/jwks.json"] = key_set(KEY.public())
        yield opened


@pytest.fixture
def run(settings: Settings, providers: Providers, application: SessionApp) -> Run:
    """Runs an async function with a client of a web process that verifies the application's tokens."""

    def start(steps: Callable[[httpx2.AsyncClient], Coroutine[Any, Any, Any]], **changes: Any) -> Any:
        verifying = {
            "viewer_jwt_keys": f"{application.address}/jwks.json",
            "viewer_jwt_issuer": ISSUER,
            "viewer_jwt_audience": AUDIENCE,
            "viewer_timeout_seconds": 60.0,
        }

        async def session() -> Any:
            async with open_client(settings.model_copy(update=verifying | changes), providers) as client:
                return await steps(client)

        return asyncio.run(session())

    return start


def titles(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return sorted(result["title"] for result in answer.json()["results"])


def test_a_signed_token_tells_the_viewer(run: Run, catalogue: Catalogue, me: str) -> None:
    catalogue.track("Secret Mine", artist=me, visibility="private")
    catalogue.track("Secret Of All")

    async def steps(client: httpx2.AsyncClient) -> list[list[str]]:
        tokens = [KEY.sign(me), KEY.sign("did:plc:other"), KEY.sign(me, iss="https://other.example"), "opaque"]
        return [titles(await client.get(SEARCH, headers=bearer(token))) for token in tokens]

    assert run(steps) == [["Secret Mine", "Secret Of All"], *[["Secret Of All"]] * 3]


def test_an_invalid_token_is_rejected_and_never_anonymous(
    run: Run, application: SessionApp, catalogue: Catalogue, me: str
) -> None:
    track = catalogue.track("Secret Of All")
    expired, forged = KEY.sign(me, exp=int(time.time()) - 60), SigningKey.generate("ES256", "ec-1").sign(me)

    async def steps(client: httpx2.AsyncClient) -> None:
        for token in (expired, forged):
            for path in (SEARCH, "/search/semantic?q=secret", f"/tracks/{track}", f"/tracks/{track}/similar"):
                refused = await client.get(path, headers=bearer(token) | {"cookie": "session_id=mine"})
                assert refused.status_code == 401, path
                assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
                assert token not in refused.text
            changed = await client.patch(f"/tracks/{track}", headers=bearer(token), json={"title": "Changed"})
            assert changed.status_code == 401

    run(steps, viewer_url=application.url)
    assert len(application.asked) == 1, "the keys, and no question about the session"


def test_a_valid_token_changes_nothing(run: Run, catalogue: Catalogue, me: str) -> None:
    track = catalogue.track("Mine", artist=me)

    async def steps(client: httpx2.AsyncClient) -> list[int]:
        headers = bearer(KEY.sign(me))
        changed = await client.patch(f"/tracks/{track}", headers=headers, json={"title": "Changed"})
        return [changed.status_code, (await client.get("/me", headers=headers)).status_code]

    assert run(steps) == [401, 401]


def test_other_credentials_go_to_the_application(
    run: Run, application: SessionApp, catalogue: Catalogue, me: str
) -> None:
    catalogue.track("Secret Mine", artist=me, visibility="private")

    async def steps(client: httpx2.AsyncClient) -> list[list[str]]:
        asked = [bearer("opaque"), {"cookie": "session_id=mine"}, bearer(KEY.sign(me))]
        return [titles(await client.get(SEARCH, headers=headers)) for headers in asked]

    assert run(steps, viewer_url=application.url) == [["Secret Mine"]] * 3
    assert len(application.asked) == 3


def test_keys_that_cannot_be_read_make_searches_anonymous(
    run: Run, application: SessionApp, catalogue: Catalogue, me: str
) -> None:
    hidden = catalogue.track("Secret Mine", artist=me, visibility="private")
    catalogue.track("Secret Of All")
    application.documents.clear()

    async def steps(client: httpx2.AsyncClient) -> None:
        headers = bearer(KEY.sign(me))
        assert titles(await client.get(SEARCH, headers=headers)) == ["Secret Of All"]
        assert (await client.get(f"/tracks/{hidden}", headers=headers)).status_code == 503

    run(steps)


SECRET = "a secret of thirty-two bytes or more"  # noqa: S105 - of these tests alone

CONTRADICTIONS: dict[str, tuple[dict[str, str], str]] = {
    "both": ({"viewer_jwt_keys": "https://app.example/k", "viewer_jwt_secret": SECRET}, "VIEWER_JWT_SECRET"),
    "no keys": ({"viewer_jwt_issuer": ISSUER}, "VIEWER_JWT_KEYS"),
    "no file": ({"viewer_jwt_keys": "nowhere.json"}, "VIEWER_JWT_KEYS"),
    "a symmetric algorithm with public keys": (
        {"viewer_jwt_keys": "https://app.example/k", "viewer_jwt_algorithms": "RS256, HS256"},
        "VIEWER_JWT_ALGORITHMS",
    ),
    "none": ({"viewer_jwt_keys": "https://app.example/k", "viewer_jwt_algorithms": "none"}, "VIEWER_JWT_ALGORITHMS"),
    "an asymmetric algorithm with a secret": (
        {"viewer_jwt_secret": SECRET, "viewer_jwt_algorithms": "RS256"},
        "VIEWER_JWT_ALGORITHMS",
    ),
    "a short secret": ({"viewer_jwt_secret": "secret"}, "VIEWER_JWT_SECRET: needs 32 bytes"),
    "a secret too short for HS512": (
        {"viewer_jwt_secret": SECRET, "viewer_jwt_algorithms": "HS256,HS512"},
        "VIEWER_JWT_SECRET: needs 64 bytes",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_settings_that_contradict_each_other_are_refused(tmp_path: Path, name: str) -> None:
    values: dict[str, Any] = CONTRADICTIONS[name][0]
    with pytest.raises(UserError, match=CONTRADICTIONS[name][1]) as refused:
        build_viewers(Settings(_env_file=None, data_dir=tmp_path, **values))
    assert SECRET not in str(refused.value)


def test_settings_that_are_in_order(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(key_set(KEY.public()))
    for values in ({"viewer_jwt_keys": str(file)}, {"viewer_jwt_secret": SECRET}):
        options: dict[str, Any] = values
        viewers = build_viewers(Settings(_env_file=None, **options))
        asyncio.run(viewers.close())
