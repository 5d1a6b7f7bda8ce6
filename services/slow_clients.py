"""Bounds on slow and idle clients: the time for the head of a request, the rate of its body, and connections.

A reverse proxy that buffers requests does the same better, for it holds connections more cheaply. This holds where
there is none.
"""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

HEADER_SECONDS = 20.0
"""How long the head of a request may take."""

BODY_SECONDS = 30.0
"""How long a client may fall behind with a body."""

BODY_BYTES_PER_SECOND = 1000
"""The least average rate of a body."""


_idle: "WeakKeyDictionary[ServerState, dict[BoundedHeadProtocol, None]]" = WeakKeyDictionary()
"""The connections of each server whose client has no request under way, in the order in which they became idle."""


class BoundedHeadProtocol(H11Protocol):
    """Uvicorn's protocol with a time limit for the head of a request, and a bound on idle connections.

    The time runs while it is the client's turn: from the connection, or from the end of the last answer, until the head
    of a request is complete. A body that is not read goes on after its answer, and is in that time as well.

    Uvicorn answers 503 when ``limit_concurrency`` connections are open, but it keeps every connection that sends
    nothing. So when there are as many, the connection that has been idle longest is closed. Idle connections thus take
    no place from clients that ask. An unread answer counts as idle once all of it is in the connection's buffer.

    Attributes:
        header_seconds: How long the head of a request may take. Then the connection is closed.
    """

    header_seconds = HEADER_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - those of uvicorn's own class
        super().__init__(*arguments, **options)
        self._limit: asyncio.TimerHandle | None = None
        self._idle = _idle.setdefault(self.server_state, {})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own class
        """Make room for the connection, and begin to wait."""
        super().connection_made(transport)
        self._watch()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        """Stop waiting once a request is there."""
        if self in self._idle:
            # places may have become idle since it was connected
            self._make_room()
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        self._idle.pop(self, None)
        super().connection_lost(exc)

    def _watch(self) -> None:
        # none before the first request, whatever uvicorn's own class says
        cycle: RequestResponseCycle | None = self.cycle
        answering = cycle is not None and not cycle.response_complete
        if answering:
            self._idle.pop(self, None)
        else:
            self._idle.setdefault(self)
        if answering or self.transport.is_closing():
            self._stop()
        elif self._limit is None:
            self._limit = self.loop.call_later(self.header_seconds, self.transport.close)

    def _stop(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _make_room(self) -> None:
        if self.limit_concurrency is None or len(self.connections) < self.limit_concurrency:
            return
        oldest = next((one for one in self._idle if one is not self), None)
        if oldest is not None:
            # close() would wait for a client that does not read
            oldest.transport.abort()
            # the loop tells it later that it is lost, and it must not be counted until then
            oldest._idle.pop(oldest)  # noqa: SLF001 - of this class
            self.connections.discard(oldest)


def bounded_head(seconds: float) -> type[BoundedHeadProtocol]:
    """The protocol with this bound, for ``uvicorn.Config(http=...)``."""
    return type("BoundedHeadProtocol", (BoundedHeadProtocol,), {"header_seconds": seconds})


class Allowance:
    """How long a client may still be waited for.

    Args:
        seconds: At the beginning, and at most.
        bytes_per_second: What earns a second.
    """

    def __init__(self, seconds: float, bytes_per_second: float) -> None:
        self._most = seconds
        self._rate = bytes_per_second
        self.seconds = seconds

    def account(self, waited: float, received: int) -> None:
        """Take off what was waited, in seconds, and add what the bytes that came have earned."""
        self.seconds = min(self._most, self.seconds - waited + received / self._rate)


class BodyRate:
    """Gives requests up with 408 whose body comes in more slowly than a rate.

    Only time in which the application waits for the client counts. A client that falls behind has some seconds to make
    up for it.

    Args:
        app: What reads the body.
        bytes_per_second: The least rate; 0 for any.
        seconds: How far a client may be behind.
    """

    def __init__(
        self, app: ASGIApp, bytes_per_second: int = BODY_BYTES_PER_SECOND, seconds: float = BODY_SECONDS
    ) -> None:
        self._app = app
        self._rate = bytes_per_second
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and watch how the body comes in."""
        if scope["type"] != "http" or self._rate == 0:
            await self._app(scope, receive, send)
            return
        loop, allowance = asyncio.get_running_loop(), Allowance(self._seconds, self._rate)
        # The next message after the body says that the client has gone, and may come at any time. Once the answer has
        # begun, what is left of the body has no time limit either.
        ended = False

        async def receive_in_time() -> Message:
            nonlocal ended
            if ended:
                return await receive()
            began = loop.time()
            try:
                async with asyncio.timeout(max(0.0, allowance.seconds)):
                    message = await receive()
            except TimeoutError:
                ended = True
                raise HTTPException(
                    408,
                    f"the request's body comes in more slowly than {self._rate} bytes a second: try again",
                    headers={"connection": "close"},
                ) from None
            allowance.account(loop.time() - began, len(message.get("body", b"")))
            ended = not message.get("more_body", False)
            return message

        async def note_answer(message: Message) -> None:
            nonlocal ended
            ended = True
            await send(message)

        await self._app(scope, receive_in_time, note_answer)
