"""Every endpoint against everybody who may ask, as docs/reference/authorisation.md has it."""

import asyncio
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from app.auth import IssuedToken, Scope
from app.http.application import create_api
from app.measure.sample.encoding import encode
from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import Issue, bearer, open_client
from tests.support.catalogue import Catalogue
from tests.support.recordings import chirp
from tests.support.session_app import SessionApp, session_app

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "authorisation.md"
AUDIO = encode(np.stack([chirp(1.5, 44_100)] * 2), "flac")
PLACES = {"/web/...": "/web/page.js"}

Headers = dict[str, str]


@dataclass(frozen=True)
class Row:
    """A row of the page.

    Attributes:
        endpoint: Method and path.
        on: What it is asked of.
        statuses: What is answered, by who asks.
    """

    endpoint: str
    on: str
    statuses: dict[str, int]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.on}".strip()


def rows() -> list[Row]:
    page = PAGE.read_text(encoding="utf-8").partition("## Audio")[0]
    lines = [line for line in page.splitlines() if line.startswith("|")]
    head, _, *body = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [Row(cells[0].strip("`"), cells[1], dict(zip(head[2:], map(int, cells[2:]), strict=True))) for cells in body]


@pytest.fixture
def callers(catalogue: Catalogue, issue: Issue) -> tuple[str, dict[str, Headers]]:
    """DID of the track's artist, and the headers of everybody."""
    artist, other = catalogue.artist("its.example", "Its"), catalogue.artist("other.example", "Other")
    revoked: IssuedToken = issue(artist, Scope.UPLOAD)
    catalogue.connection.execute("update search.tokens set revoked_at = now() where id = %s", [revoked.id])
    return artist, {
        "no token": {},
        "not valid": bearer(revoked),
        "read, another's": bearer(issue(other)),
        "read, its artist's": bearer(issue(artist)),
        "upload, another's": bearer(issue(other, Scope.UPLOAD)),
        "upload, its artist's": bearer(issue(artist, Scope.UPLOAD)),
        "admin": bearer(issue(None, Scope.ADMIN)),
        "app's user, its artist": {"cookie": "session_id=artist"},
        "its artist, app away": {"cookie": "session_id=away"},
    }


@pytest.fixture(scope="module")
def application() -> Iterator[SessionApp]:
    with session_app({}) as opened:
        yield opened


def request_of(row: Row, artist: str, track: int, file_id: str) -> dict[str, Any]:
    """What is sent: always something that would be accepted from who may."""
    method, path = row.endpoint.split()
    path = PLACES.get(path, path).replace("{track_id}", str(track)).replace("{file_id}", file_id)
    sent: dict[str, Any] = {"method": method, "url": path}
    if "/search" in path or path.endswith("/match"):
        sent["params"] = {"q": "something"}
    if path == "/search/by-audio":
        sent |= {"params": {}, "files": {"file": ("clip.flac", AUDIO)}}
    if path == "/tracks":
        whose = {"artist_did": artist} if row.on == "its artist's" else {}
        sent |= {"data": {"title": "New"} | whose, "files": {"audio": ("new.flac", AUDIO)}}
    if path.endswith("/audio") and method == "PUT":
        sent["files"] = {"audio": ("new.flac", AUDIO)}
    if method == "PATCH":
        sent["json"] = {"title": "Changed"}
    return sent


@pytest.mark.parametrize("row", rows(), ids=str)
def test_endpoint_answers_everybody_as_documented(
    settings: Settings,
    providers: Providers,
    catalogue: Catalogue,
    callers: tuple[str, dict[str, Headers]],
    application: SessionApp,
    row: Row,
) -> None:
    artist, headers = callers
    application.sessions |= {"artist": artist, "away": ""}
    assert row.statuses.keys() == headers.keys()
    # nobody works here, and nobody is waited for
    settings = settings.model_copy(
        update={
            "recommended_tags_wait_seconds": 0.0,
            "viewer_url": application.url,
            "viewer_timeout_seconds": 60.0,
        }
    )

    def track(number: int) -> tuple[int, str]:
        stored = providers.audio_store.put(io.BytesIO(AUDIO + bytes([number])), "flac")
        visibility = "private" if row.on == "a private track" else "public"
        title = f"Something {number}"
        made = catalogue.track(title, artist=artist, file_id=stored.file_id, file_type="flac", visibility=visibility)
        # an answer of events ends when nothing waits
        catalogue.connection.execute("delete from procrastinate_jobs")
        return made, stored.file_id

    async def steps() -> dict[str, int]:
        found = {}
        async with open_client(settings, providers) as client:
            for number, (name, header) in enumerate(headers.items()):
                sent = request_of(row, artist, *track(number))
                found[name] = (await client.request(**sent, headers=header)).status_code
        return found

    assert asyncio.run(steps()) == row.statuses


def test_every_endpoint_has_a_row(settings: Settings, providers: Providers) -> None:
    api = create_api(str(settings.database_url), settings, providers)
    described = {
        f"{method.upper()} {path}" for path, operations in api.openapi()["paths"].items() for method in operations
    }
    undescribed = {"GET /", "GET /web/...", "GET /openapi.json"}
    assert {row.endpoint for row in rows()} == described | undescribed


def test_what_needs_no_token_cannot_be_told_from_the_description(settings: Settings, providers: Providers) -> None:
    """Whatever is refused to somebody takes a token by its description, and the other way round."""
    described = create_api(str(settings.database_url), settings, providers).openapi()["paths"]
    taking = {
        f"{method.upper()} {path}"
        for path, operations in described.items()
        for method, operation in operations.items()
        if "security" in operation
    }
    assert taking == {row.endpoint for row in rows() if row.statuses["not valid"] == 401}


def test_a_body_that_holds_no_audio_is_small(
    with_client: Callable[..., Any], catalogue: Catalogue, callers: tuple[str, dict[str, Headers]]
) -> None:
    artist, headers = callers
    track = catalogue.track("Something", artist=artist)

    async def steps(client: httpx2.AsyncClient) -> httpx2.Response:
        content = b'{"title": "' + b"a" * 70_000 + b'"}'
        sent = headers["upload, its artist's"] | {"content-type": "application/json"}
        answer: httpx2.Response = await client.patch(f"/tracks/{track}", content=content, headers=sent)
        return answer

    answer = with_client(steps)
    assert answer.status_code == 413
    assert re.search(r"more than 65536 bytes", answer.json()["detail"][0]["msg"])
