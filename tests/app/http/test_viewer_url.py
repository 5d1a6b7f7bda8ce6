"""Viewers by the sessions of an application that answers over a real connection (VIEWER_URL)."""

import asyncio
import io
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import httpx2
import pytest

from app.auth import Scope
from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import Issue, bearer, open_client
from tests.support.catalogue import Catalogue
from tests.support.session_app import SessionApp, session_app

SEARCH = "/search/?q=secret&type=tracks"
Run = Callable[..., Any]


@pytest.fixture
def me(catalogue: Catalogue) -> str:
    return catalogue.artist("me.example", "Me")


@pytest.fixture
def application(me: str) -> Iterator[SessionApp]:
    with session_app({"mine": me, "token-of-mine": me, "stranger": "did:plc:stranger"}) as opened:
        yield opened


@pytest.fixture
def run(settings: Settings, providers: Providers, application: SessionApp) -> Run:
    """Runs an async function with a client of a web process that asks the application."""

    def start(steps: Callable[[httpx2.AsyncClient], Coroutine[Any, Any, Any]], **changes: Any) -> Any:
        asking = {"viewer_url": application.url, "viewer_timeout_seconds": 60.0, "viewer_cache_seconds": 0.0}

        async def session() -> Any:
            async with open_client(settings.model_copy(update=asking | changes), providers) as client:
                return await steps(client)

        return asyncio.run(session())

    return start


def signed_in(session: str = "mine") -> dict[str, str]:
    return {"cookie": f"session_id={session}"}


def titles(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return sorted(result["title"] for result in answer.json()["results"])


def test_a_session_or_a_token_of_the_application_tells_the_viewer(
    run: Run, application: SessionApp, catalogue: Catalogue, issue: Issue, me: str
) -> None:
    catalogue.track("Secret Mine", artist=me, visibility="private")
    catalogue.track("Secret Theirs", visibility="private")
    catalogue.track("Secret Of All")
    asked: list[dict[str, str]] = [
        signed_in(),
        bearer("token-of-mine"),
        signed_in("stranger"),
        signed_in("signed-out"),
        bearer("unknown"),
        {},
        bearer(issue(None, Scope.ADMIN)),
    ]

    async def steps(client: httpx2.AsyncClient) -> list[list[str]]:
        answers = [await client.get(SEARCH, headers=headers) for headers in asked]
        assert {answer.headers["vary"] for answer in answers} == {"authorization, cookie"}
        return [titles(answer) for answer in answers]

    of_all = ["Secret Of All"]
    assert run(steps) == [["Secret Mine", *of_all], ["Secret Mine", *of_all], of_all, of_all, of_all, of_all, of_all]
    # a request without credentials of the application asks nothing, and a token of vibe-search goes nowhere
    assert len(application.asked) == 5


def test_without_the_setting_the_applications_credentials_are_anonymous(
    run: Run, application: SessionApp, catalogue: Catalogue, me: str
) -> None:
    catalogue.track("Secret Mine", artist=me, visibility="private")

    async def steps(client: httpx2.AsyncClient) -> list[list[str]]:
        return [titles(await client.get(SEARCH, headers=one)) for one in (signed_in(), bearer("token-of-mine"))]

    assert run(steps, viewer_url=None) == [[], []]
    assert application.asked == []


def test_an_application_that_fails_makes_searches_anonymous_and_refuses_the_rest(
    run: Run, application: SessionApp, catalogue: Catalogue, providers: Providers, me: str
) -> None:
    file_id = providers.audio_store.put(io.BytesIO(b"mine"), "opus").file_id
    hidden = catalogue.track("Secret Mine", artist=me, visibility="private", file_id=file_id, file_type="opus")
    public = catalogue.track("Secret Of All")
    application.answer = lambda: (500, {}, b"")
    below = ("", "/similar", "/match?q=secret", "/events", "/recommended-tags")
    kept_back = [f"/tracks/{hidden}{path}" for path in below] + [f"/audio/{file_id}"]

    async def steps(client: httpx2.AsyncClient) -> None:
        # more than the failures in a row after which it is left alone
        for _ in range(2):
            assert titles(await client.get(SEARCH, headers=signed_in())) == ["Secret Of All"]
            assert (await client.get(f"/tracks/{public}", headers=signed_in())).status_code == 200
            for path in kept_back:
                refused = await client.get(path, headers=signed_in())
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "5"), path
                assert "cannot be verified" in refused.json()["detail"]
                assert (await client.get(path)).status_code == 404, "a stranger without a session"

    run(steps)


@pytest.mark.parametrize("credentials", ["cookie", "token"])
def test_the_applications_credentials_change_nothing(
    run: Run, application: SessionApp, catalogue: Catalogue, me: str, credentials: str
) -> None:
    """A browser sends its cookies with requests that other sites make, so they must not permit changes."""
    track = catalogue.track("Mine", artist=me)
    headers = signed_in() if credentials == "cookie" else bearer("token-of-mine")

    async def steps(client: httpx2.AsyncClient) -> list[int]:
        answers = [
            await client.patch(f"/tracks/{track}", headers=headers, json={"title": "Changed"}),
            await client.delete(f"/tracks/{track}", headers=headers),
            await client.post("/tracks", headers=headers, files={"audio": ("a.flac", b"")}),
            await client.get("/me", headers=headers),
        ]
        return [answer.status_code for answer in answers]

    assert run(steps) == [401] * 4
    assert application.asked == []


def test_a_token_of_this_form_that_is_not_valid_is_refused_and_forwarded_nowhere(
    run: Run, application: SessionApp
) -> None:
    refused = [f"vs_{'0' * 12}_{'0' * 64}", "vs_short", "VS_" + "0" * 77]

    async def steps(client: httpx2.AsyncClient) -> list[int]:
        asked = [signed_in() | bearer(token) for token in refused]
        return [(await client.get(SEARCH, headers=headers)).status_code for headers in asked]

    assert run(steps) == [401] * 3
    assert application.asked == []


def test_the_proxys_header_is_believed_without_a_question(
    run: Run, application: SessionApp, catalogue: Catalogue, me: str
) -> None:
    catalogue.track("Secret Mine", artist=me, visibility="private")

    async def steps(client: httpx2.AsyncClient) -> list[list[str]]:
        proxied = {"x-viewer": me} | signed_in("stranger")
        asked: list[dict[str, str]] = [proxied, proxied | bearer("unknown"), signed_in()]
        answers = [await client.get(SEARCH, headers=headers) for headers in asked]
        assert {answer.headers["vary"] for answer in answers} == {"authorization, x-viewer, cookie"}
        return [titles(answer) for answer in answers]

    assert run(steps, viewer_header="x-viewer") == [["Secret Mine"]] * 3
    assert len(application.asked) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("viewer_url", "app.internal/me"), ("viewer_url", "file:///etc/passwd"), ("viewer_field", "user..did"),
     ("viewer_field", ""), ("viewer_cookie", "a b"), ("viewer_timeout_seconds", 0)],
)  # fmt: skip
def test_odd_settings_are_refused(name: str, value: Any) -> None:
    changes: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=name):
        Settings(_env_file=None, **changes)
