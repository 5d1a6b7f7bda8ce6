"""The nginx of docs/how-to/recognise-users.md, before a real `vibe-search serve` and an application with sessions."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.support.catalogue import Catalogue
from tests.support.proxy import documented, free_port, needs_nginx, nginx
from tests.support.served import SECONDS, served_search
from tests.support.session_app import SessionApp, session_app

PAGE = "docs/how-to/recognise-users.md"
SEARCH = "/search/?q=secret&type=tracks"
pytestmark = needs_nginx


@pytest.fixture
def me(catalogue: Catalogue) -> str:
    return catalogue.artist("me.example", "Me")


@pytest.fixture
def application(me: str) -> Iterator[SessionApp]:
    with session_app({"mine": me}) as opened:
        yield opened


@contextmanager
def behind_nginx(database: str, folder: Path, application: str) -> Iterator[httpx2.Client]:
    """A client of nginx, which asks an application at this address."""
    port = free_port()
    with ExitStack() as stack:
        search = stack.enter_context(served_search(database, folder, {"VIEWER_HEADER": "X-Viewer-DID"}))
        addresses = {
            "listen 8080;": f"listen 127.0.0.1:{port};",
            "http://127.0.0.1:8000;": f"{search};",
            "http://127.0.0.1:3000/": f"{application}/",
        }
        stack.enter_context(nginx(documented(PAGE, addresses), folder, port))
        yield stack.enter_context(httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS))


@pytest.fixture
def client(database: str, tmp_path: Path, application: SessionApp) -> Iterator[httpx2.Client]:
    with behind_nginx(database, tmp_path, application.address) as opened:
        yield opened


def titles(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return sorted(result["title"] for result in answer.json()["results"])


def test_a_session_of_the_application_becomes_the_viewer(
    client: httpx2.Client, application: SessionApp, catalogue: Catalogue, me: str
) -> None:
    track = catalogue.track("Secret Mine", artist=me, visibility="private")
    catalogue.track("Secret Of All")
    session = {"cookie": "theme=dark; session_id=mine"}
    forged = {"x-viewer-did": me}

    def ask(headers: dict[str, str]) -> list[str]:
        return titles(client.get(SEARCH, headers=headers))

    assert ask(session) == ["Secret Mine", "Secret Of All"]
    assert client.get(f"/tracks/{track}", headers=session).status_code == 200
    strangers: list[dict[str, str]] = [{}, {"cookie": "session_id=signed-out"}, forged]
    for headers in strangers:
        assert ask(headers) == ["Secret Of All"], headers
        assert client.get(f"/tracks/{track}", headers=headers).status_code == 404
    assert all("x-viewer-did" not in dict(headers) for headers in application.asked)
    assert ask(session | {"x-viewer-did": "did:plc:other"}) == ["Secret Mine", "Secret Of All"]

    clip = client.post("/search/by-audio", headers=session, files={"file": ("clip.mp3", b"not audio")})
    assert clip.status_code == 422, "the body reaches search"


REFUSALS = [301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 429, 500, 502, 503, 504]


def test_no_answer_but_a_success_is_believed(
    client: httpx2.Client, application: SessionApp, catalogue: Catalogue, me: str
) -> None:
    catalogue.track("Secret Mine", artist=me, visibility="private")
    for status in REFUSALS:
        application.answer = partial(_claim, me, status)
        assert titles(client.get(SEARCH)) == [], status
    application.answer = partial(_claim, me, 204)
    assert titles(client.get(SEARCH)) == ["Secret Mine"]
    application.held = threading.Event()
    try:
        assert titles(client.get(SEARCH)) == [], "no answer in time"
    finally:
        application.held.set()


def _claim(viewer: str, status: int) -> tuple[int, dict[str, str], bytes]:
    return status, {"x-viewer-did": viewer, "location": "/login", "content-length": "0"}, b""


def test_an_application_that_is_away_makes_viewers_anonymous(
    database: str, tmp_path: Path, catalogue: Catalogue
) -> None:
    catalogue.track("Secret Of All")
    with behind_nginx(database, tmp_path, "http://127.0.0.1:1") as client:
        assert titles(client.get(SEARCH, headers={"cookie": "session_id=mine"})) == ["Secret Of All"]
