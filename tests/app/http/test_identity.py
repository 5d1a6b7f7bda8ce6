"""Who is asking by token: at each endpoint that looks, at GET /me, and at audio that is kept back."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from app.auth import Scope
from app.http.application import create_api
from app.http.dependencies import Admin, Reader, Uploader
from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import Get, Issue, bearer, open_client
from tests.support.catalogue import Catalogue

LOOKING = ("/search/?q=secret", "/search/semantic?q=secret", "/tracks/1/similar", "/audio/0123abcd", "/me")
"""An address of every endpoint that looks at the token, apart from POST /search/by-audio."""

CONTENT = bytes(range(256))
WithClient = Callable[..., Any]


@pytest.fixture
def me(catalogue: Catalogue) -> str:
    return catalogue.artist("me.example", "Me")


@pytest.fixture
def other(catalogue: Catalogue) -> str:
    return catalogue.artist("other.example", "Other")


@pytest.fixture
def file_id(providers: Providers) -> str:
    return providers.audio_store.put(io.BytesIO(CONTENT), "opus").file_id


def titles(response: httpx2.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return sorted(result["title"] for result in response.json()["results"])


def test_a_token_finds_ones_own_private_tracks_and_no_others(
    with_client: WithClient, catalogue: Catalogue, issue: Issue, me: str, other: str
) -> None:
    catalogue.track("Secret Mine", artist=me, visibility="private")
    catalogue.track("Secret Theirs", artist=other, visibility="private")
    catalogue.track("Secret Of All", artist=other)
    mine, theirs, admin = issue(me), issue(other, Scope.UPLOAD), issue(None, Scope.ADMIN)

    async def steps(client: httpx2.AsyncClient) -> list[list[str]]:
        headers: list[dict[str, str]] = [bearer(mine), bearer(theirs), bearer(admin), {}]
        return [titles(await client.get("/search/?q=secret&type=tracks", headers=asked)) for asked in headers]

    assert with_client(steps) == [
        ["Secret Mine", "Secret Of All"],
        ["Secret Of All", "Secret Theirs"],
        ["Secret Of All"],
        ["Secret Of All"],
    ]


@pytest.mark.parametrize("path", [*LOOKING, "POST /search/by-audio"])
def test_an_invalid_token_is_never_anonymous(
    with_client: WithClient, connection: psycopg.Connection[Any], issue: Issue, me: str, path: str
) -> None:
    expired, revoked = issue(me), issue(me)
    connection.execute("update search.tokens set expires_at = now() - interval '1 s' where id = %s", [expired.id])
    connection.execute("update search.tokens set revoked_at = now() where id = %s", [revoked.id])
    valid = bearer(issue(me))["authorization"].encode()
    refused: list[list[tuple[bytes, bytes]]] = [
        *([(b"authorization", bearer(token)["authorization"].encode())] for token in (expired, revoked)),
        [(b"authorization", f"Bearer vs_{'0' * 12}_{'0' * 64}".encode())],
        [(b"authorization", b"")],
        [(b"authorization", b"Basic dXNlcjpwYXNz")],
        [(b"authorization", "Bearer té".encode("latin-1"))],
        [(b"authorization", b"\xff" * 10_000)],
        [(b"authorization", valid), (b"authorization", valid)],
    ]

    async def steps(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        method, address = path.split() if " " in path else ("GET", path)
        files = {"file": ("clip.mp3", b"noise")} if method == "POST" else None
        return [await client.request(method, address, headers=headers, files=files) for headers in refused]

    for response in with_client(steps):
        assert response.status_code == 401, response.text
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert response.headers["vary"] == "authorization"
        assert "0" * 64 not in response.text


def test_a_token_ends_with_its_revocation(
    with_client: WithClient, connection: psycopg.Connection[Any], issue: Issue, me: str
) -> None:
    token = issue(me)

    async def steps(client: httpx2.AsyncClient) -> list[int]:
        before = await client.get("/me", headers=bearer(token))
        connection.execute("update search.tokens set revoked_at = now()")
        return [before.status_code, (await client.get("/me", headers=bearer(token))).status_code]

    assert with_client(steps) == [200, 401]


def test_me(get: Get, issue: Issue, me: str) -> None:
    token = issue(me, Scope.UPLOAD, expires_days=3)
    response = get("/me", headers={"authorization": f"bEARER {token.token}"})
    assert token.expires_at is not None
    assert response.json() == {
        "did": me,
        "handle": "me.example",
        "display_name": "Me",
        "scopes": ["read", "upload"],
        "expires_at": token.expires_at.isoformat().replace("+00:00", "Z"),
    }
    assert response.headers["cache-control"] == "private, no-store"
    admin = get("/me", headers=bearer(issue(None, Scope.ADMIN))).json()
    assert admin == dict.fromkeys(("did", "handle", "display_name", "expires_at")) | {"scopes": list(Scope)}


def test_me_without_a_token(get: Get) -> None:
    response = get("/me")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer" in response.json()["detail"]


def test_scopes_are_asked_for(settings: Settings, providers: Providers, issue: Issue, me: str) -> None:
    tokens = [None, issue(me), issue(me, Scope.UPLOAD), issue(None, Scope.ADMIN)]

    def add_endpoints(api: FastAPI) -> None:
        @api.get("/reading")
        async def read(caller: Reader) -> str:
            return caller.token_id

        @api.get("/uploading")
        async def upload(caller: Uploader) -> str:
            return caller.token_id

        @api.get("/administering")
        async def administer(caller: Admin) -> str:
            return caller.token_id

    async def steps() -> dict[str, list[httpx2.Response]]:
        api = create_api(str(settings.database_url), settings, providers)
        add_endpoints(api)
        async with api.router.lifespan_context(api):
            transport = httpx2.ASGITransport(app=api)
            async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
                return {
                    path: [await client.get(path, headers=bearer(token) if token else {}) for token in tokens]
                    for path in ("/reading", "/uploading", "/administering")
                }

    answers = asyncio.run(steps())
    assert {path: [answer.status_code for answer in found] for path, found in answers.items()} == {
        "/reading": [401, 200, 200, 200],
        "/uploading": [401, 403, 200, 200],
        "/administering": [401, 403, 403, 200],
    }
    lacking = answers["/uploading"][1]
    assert lacking.json() == {"detail": "this token lacks the scope upload"}
    assert lacking.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="upload"'
    assert {answer.headers["vary"] for found in answers.values() for answer in found} == {"authorization"}


def test_a_token_beats_the_proxys_header(
    settings: Settings, providers: Providers, catalogue: Catalogue, issue: Issue, me: str, other: str
) -> None:
    catalogue.track("Secret Mine", artist=me, visibility="private")
    catalogue.track("Secret Theirs", artist=other, visibility="private")
    token, admin = issue(me), issue(None, Scope.ADMIN)

    async def steps() -> list[list[str]]:
        async with open_client(settings.model_copy(update={"viewer_header": "x-viewer"}), providers) as client:
            proxied = {"x-viewer": other}
            asked = [proxied, proxied | bearer(token), proxied | bearer(admin)]
            answers = [await client.get("/search/?q=secret&type=tracks", headers=headers) for headers in asked]
            assert {answer.headers["vary"] for answer in answers} == {"authorization, x-viewer"}
            return [titles(answer) for answer in answers]

    assert asyncio.run(steps()) == [["Secret Theirs"], ["Secret Mine"], []]


@pytest.mark.parametrize("visibility", ["private", "supporters"])
def test_kept_back_audio_is_played_to_its_artist(
    with_client: WithClient, catalogue: Catalogue, issue: Issue, me: str, other: str, file_id: str, visibility: str
) -> None:
    catalogue.track("Kept Back", artist=me, file_id=file_id, file_type="opus", visibility=visibility)
    tokens = [issue(me), issue(None, Scope.ADMIN), issue(other, Scope.UPLOAD), None]

    async def steps(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        return [
            await client.get(f"/audio/{file_id}", headers={"range": "bytes=0-3"} | (bearer(token) if token else {}))
            for token in tokens
        ]

    answers = with_client(steps)
    assert [answer.status_code for answer in answers] == [206, 206, 404, 404]
    assert answers[0].content == CONTENT[:4]
    kept = [answer.headers["cache-control"] for answer in answers]
    assert kept == ["private, no-cache"] * 2 + ["private, no-store"] * 2
    assert {answer.headers["vary"] for answer in answers} == {"authorization"}


def test_kept_back_audio_is_played_to_a_viewer_whom_the_proxy_knows(
    settings: Settings, providers: Providers, catalogue: Catalogue, me: str, file_id: str
) -> None:
    catalogue.track("Kept Back", artist=me, file_id=file_id, file_type="opus", visibility="private")

    async def steps() -> list[int]:
        async with open_client(settings.model_copy(update={"viewer_header": "x-viewer"}), providers) as client:
            asked = [{"x-viewer": me}, {"x-viewer": "did:plc:other"}, {}]
            return [(await client.get(f"/audio/{file_id}", headers=headers)).status_code for headers in asked]

    assert asyncio.run(steps()) == [200, 404, 404]


def test_audio_that_is_public_as_well_stays_cacheable(
    get: Get, catalogue: Catalogue, issue: Issue, me: str, file_id: str
) -> None:
    catalogue.track("Kept Back", artist=me, file_id=file_id, file_type="opus", visibility="private")
    catalogue.track("Also Public", artist=me, file_id=file_id, file_type="opus")
    assert get(f"/audio/{file_id}", headers=bearer(issue(me))).headers["cache-control"].startswith("public")


def test_the_description_of_the_api_says_who_takes_a_token(settings: Settings, providers: Providers) -> None:
    described = create_api(str(settings.database_url), settings, providers).openapi()
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    operations = [operation for item in described["paths"].values() for operation in item.values()]
    taking = [operation for operation in operations if "security" in operation]
    assert taking
    assert all("401" in operation["responses"] for operation in taking)


def test_postgres_away_is_not_a_refusal(tmp_path: Path, providers: Providers) -> None:
    settings = Settings(_env_file=None, database_url="postgresql://nobody@127.0.0.1:1/none", data_dir=tmp_path)

    async def steps() -> list[httpx2.Response]:
        async with open_client(settings, providers) as client:
            token = f"vs_{'0' * 12}_{'0' * 64}"
            return [await client.get(path, headers=bearer(token)) for path in LOOKING]

    for response in asyncio.run(steps()):
        assert response.status_code == 503
        assert response.headers["retry-after"] == "5"
