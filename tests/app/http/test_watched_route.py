"""What becomes of a request whose client goes away, on the level of ASGI."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request

from app.http.client_gone import Client, while_connected
from app.http.watched_route import WatchedRoute, only_reads


class Talk:
    """A client that sends a request without a body, and goes away when it is told to."""

    def __init__(self) -> None:
        self.leaves = asyncio.Event()
        self.watched = asyncio.Event()
        self.watching = 0
        self.statuses: list[int] = []
        self._sent = False

    async def receive(self) -> dict[str, Any]:
        """The body, and then that the client has gone."""
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        self.watching += 1
        self.watched.set()
        try:
            await self.leaves.wait()
        finally:
            self.watching -= 1
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Note the status."""
        if message["type"] == "http.response.start":
            self.statuses.append(message["status"])


class Work:
    """Work that waits, and takes a moment to leave its things in order."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.cleaning = asyncio.Event()
        self.may_clean = asyncio.Event()
        self.ended: list[str] = []

    async def run(self) -> str:
        """Wait."""
        self.begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cleaning.set()
            try:
                await self.may_clean.wait()
            except asyncio.CancelledError:
                self.ended.append("torn down")
                raise
            self.ended.append("in order")
            raise
        self.ended.append("finished")
        return "done"


Endpoint = Callable[..., Awaitable[str]]


def ask(method: str, endpoint: Endpoint, talk: Talk) -> Coroutine[Any, Any, None]:
    """One request to an endpoint of a watched route."""
    router = APIRouter(route_class=WatchedRoute)
    router.api_route("/", methods=[method])(endpoint)
    api = FastAPI()
    api.include_router(router)
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": "/",
        "raw_path": b"/", "root_path": "", "query_string": b"", "headers": [], "scheme": "http",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    return api(scope, talk.receive, talk.send)


def as_client(talk: Talk) -> Client:
    return Client(talk.receive, body_read=True)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_ends_with_its_client(method: str) -> None:
    async def steps() -> None:
        talk, work = Talk(), Work()
        asking = asyncio.create_task(ask(method, work.run, talk))
        await work.begun.wait()
        work.may_clean.set()
        talk.leaves.set()
        await asking
        assert (work.ended, talk.statuses) == (["in order"], [499])

    asyncio.run(steps())


def test_a_marked_post_ends_with_its_client() -> None:
    async def steps() -> None:
        talk, work = Talk(), Work()

        @only_reads
        async def search(request: Request) -> str:
            await request.body()
            return await work.run()

        asking = asyncio.create_task(ask("POST", search, talk))
        await work.begun.wait()
        work.may_clean.set()
        talk.leaves.set()
        await asking
        assert (work.ended, talk.statuses) == (["in order"], [499])

    asyncio.run(steps())


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_may_change_something_is_finished(method: str) -> None:
    async def steps() -> None:
        talk, work = Talk(), Work()
        talk.leaves.set()

        async def change(request: Request) -> str:
            await request.body()
            return await work.run()

        asking = asyncio.create_task(ask(method, change, talk))
        await work.begun.wait()
        # a watcher would see within a few turns of the loop that the client has gone
        for _ in range(20):
            await asyncio.sleep(0)
        work.may_end.set()
        work.may_clean.set()
        await asking
        assert (work.ended, talk.statuses) == (["finished"], [200])

    asyncio.run(steps())


@pytest.mark.parametrize("route", [True, False])
def test_work_is_cancelled_once_and_its_client_watched_no_more(route: bool) -> None:
    """Those who cancel a request may do so again and again."""

    async def steps() -> None:
        talk, work = Talk(), Work()
        whole: Coroutine[Any, Any, object] = (
            ask("GET", work.run, talk) if route else while_connected(as_client(talk), work.run())
        )
        asking = asyncio.create_task(whole)
        await work.begun.wait()
        asking.cancel()
        await work.cleaning.wait()
        asking.cancel()
        await asyncio.sleep(0)
        work.may_clean.set()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (work.ended, talk.watching) == (["in order"], 0)

    asyncio.run(steps())


def test_a_client_that_goes_away_waits_for_the_work_to_end() -> None:
    async def steps() -> None:
        talk, work = Talk(), Work()
        asking = asyncio.create_task(while_connected(as_client(talk), work.run()))
        await work.begun.wait()
        talk.leaves.set()
        await work.cleaning.wait()
        assert not asking.done()
        work.may_clean.set()
        with pytest.raises(HTTPException) as raised:
            await asking
        assert (raised.value.status_code, work.ended) == (499, ["in order"])

    asyncio.run(steps())


def test_a_finished_request_is_watched_no_more() -> None:
    async def steps() -> None:
        talk, work = Talk(), Work()
        asking = asyncio.create_task(ask("GET", work.run, talk))
        await work.begun.wait()
        work.may_end.set()
        await asking
        assert (work.ended, talk.statuses, talk.watching) == (["finished"], [200], 0)

    asyncio.run(steps())
