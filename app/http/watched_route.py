"""Requests that end when their client goes away."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message, Receive

from app.cancellation import end_task
from app.http.client_gone import CLIENT_GONE

_CHANGING = {"PATCH", "PUT", "DELETE"}
_BODILESS = {"GET", "HEAD"}


class WatchedRoute(APIRoute):
    """A route that stops working, and cancels its statement in Postgres, when its client closes the connection.

    What changes something is finished all the same.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, beside one that watches the client."""
        handle = super().get_route_handler()
        if _CHANGING.intersection(self.methods or ()):
            return handle

        async def handle_watched(request: Request) -> Response:
            client = _Client(request.receive, bodiless=request.method in _BODILESS)
            handling = asyncio.create_task(handle(Request(request.scope, client.receive)))
            watching = asyncio.create_task(client.wait_gone())
            try:
                await asyncio.wait({handling, watching}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                over = handling.done()
                if not over:
                    await end_task(handling)
                watching.cancel()
            if watching.done():
                # the framework's limit on bodies has answered already, and says so with an error
                watching.result()
                if not over:
                    return Response(status_code=CLIENT_GONE)
            return handling.result()

        return handle_watched


class _Client:
    """What comes from a client: its body, for the endpoint, and then that it has gone.

    Args:
        receive: Where the messages come from.
        bodiless: Whether the endpoint reads no body.
    """

    def __init__(self, receive: Receive, *, bodiless: bool) -> None:
        self._receive = receive
        self._body_read = asyncio.Event()
        self._gone = asyncio.Event()
        if bodiless:
            self._body_read.set()

    async def receive(self) -> Message:
        """The next message, for the endpoint; behind the body, only that the client has gone."""
        if self._body_read.is_set():
            await self._gone.wait()
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._gone.set()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._body_read.set()
        return message

    async def wait_gone(self) -> None:
        """Return once the client has gone; while its body is read, the endpoint sees it by itself."""
        await self._body_read.wait()
        while not self._gone.is_set():
            if (await self._receive())["type"] == "http.disconnect":
                self._gone.set()
