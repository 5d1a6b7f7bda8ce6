"""A page of another origin that calls the API, in a real browser."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.application import create_api
from tests.support.serving import serving
from tests.web.conftest import Site

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

SEARCH = """async ([api, q, trace]) => {
    const answer = await fetch(`${api}/search/?q=${q}`, {headers: {traceparent: trace}, credentials: "include"});
    const read = (name) => answer.headers.get(name);
    return {status: answer.status, id: read("x-request-id"), later: read("retry-after"), body: await answer.json()};
}"""

FOLLOW = """([api, track]) => new Promise((resolve, reject) => {
    const stream = new EventSource(`${api}/tracks/${track}/events`, {withCredentials: true});
    stream.addEventListener("track", (event) => { stream.close(); resolve(JSON.parse(event.data).id); });
    stream.onerror = () => reject(new Error("the stream failed"));
})"""

PLAY = """([api, file]) => new Promise((resolve, reject) => {
    const audio = new Audio();
    audio.crossOrigin = "use-credentials";
    audio.onloadedmetadata = () => resolve(audio.duration);
    audio.onerror = () => reject(new Error(audio.error.message));
    audio.src = `${api}/audio/${file}`;
})"""

RANGE = """async ([api, file]) => {
    const answer = await fetch(`${api}/audio/${file}`, {headers: {range: "bytes=0-99"}, credentials: "include"});
    const bytes = (await answer.arrayBuffer()).byteLength;
    const read = (name) => answer.headers.get(name);
    return [answer.status, bytes, read("content-range").split("/")[0], read("etag") !== null];
}"""


class Counted:
    """Passes requests on, and counts those that a page's own code cannot see: preflights.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.methods: Counter[str] = Counter()
        self.traces: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.methods[scope["method"]] += 1
            self.traces += [value.decode() for name, value in scope["headers"] if name == b"traceparent"]
        await self._app(scope, receive, send)


@dataclass(frozen=True)
class Crossing:
    """Two servers.

    Attributes:
        front: Address of the page.
        api: Address of the API.
        requests: What came to the API.
    """

    front: str
    api: str
    requests: Counted


async def _show_page(_request: Request) -> HTMLResponse:
    return HTMLResponse("<!doctype html><title>front end</title><link rel=icon href=data:,>")


def _serve(stack: ExitStack, site: Site, **changed: Any) -> Crossing:
    front = stack.enter_context(serving(Starlette(routes=[Route("/", _show_page)])))
    settings = site.settings.model_copy(update={"cors_origins": front, **changed})
    counted = Counted(create_api(site.database, settings, site.providers))
    return Crossing(front, stack.enter_context(serving(counted)), counted)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends the servers of a test."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def front(browser: Browser) -> Iterator[Page]:
    """A page that may say what it likes in the console."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_a_traced_search_with_cookies(front: Page, stack: ExitStack, site: Site) -> None:
    crossing = _serve(stack, site)
    front.goto(crossing.front)
    answers = [front.evaluate(SEARCH, [crossing.api, "theodolite", TRACE]) for _ in range(3)]
    assert [answer["status"] for answer in answers] == [200] * 3
    assert answers[0]["body"]["results"][0]["title"] == "Theodolite"
    assert all(answer["id"] for answer in answers)
    assert crossing.requests.traces == [TRACE] * 3
    # the answer to a preflight is kept, for each address
    assert crossing.requests.methods == {"OPTIONS": 1, "GET": 3}


def test_a_refusal_says_when_to_try_again(front: Page, stack: ExitStack, site: Site) -> None:
    crossing = _serve(stack, site, rate_limit_searches=1)
    front.goto(crossing.front)
    first, second = (front.evaluate(SEARCH, [crossing.api, q, TRACE]) for q in ("theodolite", "acoustic"))
    assert (first["status"], second["status"]) == (200, 429)
    assert int(second["later"]) > 0
    assert "try again" in second["body"]["detail"]


def test_streams_and_audio(front: Page, stack: ExitStack, site: Site) -> None:
    crossing = _serve(stack, site)
    front.goto(crossing.front)
    track = front.evaluate(SEARCH, [crossing.api, "theodolite", TRACE])["body"]["results"][0]
    assert front.evaluate(FOLLOW, [crossing.api, track["id"]]) == track["id"]
    assert front.evaluate(PLAY, [crossing.api, track["file_id"]]) > 1
    assert front.evaluate(RANGE, [crossing.api, track["file_id"]]) == [206, 100, "bytes 0-99", True]


def test_an_origin_that_is_not_named_reads_nothing(front: Page, stack: ExitStack, site: Site) -> None:
    crossing = _serve(stack, site)
    # the same server under another name is another origin
    front.goto(crossing.front.replace("127.0.0.1", "localhost"))
    said = front.evaluate(
        f"(asked) => ({SEARCH})(asked).catch((error) => error.message)", [crossing.api, "theodolite", TRACE]
    )
    assert said == "Failed to fetch"
    assert crossing.requests.methods == {"OPTIONS": 1}
