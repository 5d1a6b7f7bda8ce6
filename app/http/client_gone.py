"""Ending work whose client has gone."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from fastapi import HTTPException, Request
from starlette.types import Message, Receive

from app.cancellation import end_task

_Result = TypeVar("_Result")

CLIENT_GONE = 499
"""What the log and the figures say, as those of nginx do; the client does not get it."""


class Client:
    """What comes from a client: its body, for the endpoint, and then that it has gone.

    Args:
        receive: Where the messages come from.
        body_read: Whether all of the body has been read, or the endpoint reads none.
    """

    def __init__(self, receive: Receive, *, body_read: bool) -> None:
        self._receive = receive
        self._body_read = asyncio.Event()
        self._gone = asyncio.Event()
        if body_read:
            self._body_read.set()

    @classmethod
    def after_body(cls, request: Request) -> Self:
        """The client of a request whose body has been read, as by an endpoint that takes a form."""
        return cls(request.receive, body_read=True)

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


async def while_connected(client: Client, work: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of work that is cancelled, once, when the client goes away or the caller is cancelled.

    It is waited for then: when this returns or raises, neither the work nor what watches the client goes on.

    Args:
        client: The client that waits for the work.
        work: The work.

    Raises:
        HTTPException: 499, the client has gone. Another where the client's messages say so, such as 413.
        Exception: Whatever the work raises.
    """
    working, watching = asyncio.create_task(work), asyncio.create_task(client.wait_gone())
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        finished, gone = working.done(), watching.done()
    finally:
        try:
            await end_task(watching)
        finally:
            await end_task(working)
    if gone:
        # the framework's limit on bodies has answered already, and says so with an error
        watching.result()
    if not finished:
        raise HTTPException(CLIENT_GONE, "the client has gone")
    return working.result()
