"""Bounds on what clients may take their time with: the head of a request, and its body.

A reverse proxy that buffers requests does the same better, for it holds connections more cheaply. This holds where
there is none.
"""

import asyncio
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEADER_SECONDS = 20.0
"""How long the head of a request may take."""

BODY_SECONDS = 30.0
"""How long a client may fall behind with a body."""

BODY_BYTES_PER_SECOND = 1000
"""Fewer than these are too slow."""


class BoundedHeadProtocol(H11Protocol):
    """Uvicorn's protocol, which waits for the head of a request for a time and not for ever.

    The time runs while it is the client's turn: from the connection, or from the end of the last answer, until the head
    of a request is whole. A body that is not read goes on after its answer, and is in that time as well.

    Attributes:
        header_seconds: How long that may take. Then the connection is closed.
    """

    header_seconds = HEADER_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - those of uvicorn's own class
        super().__init__(*arguments, **options)
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own class
        """Begin to wait."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Stop waiting once a request is there."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        # none before the first request, whatever uvicorn's own class says
        cycle: RequestResponseCycle | None = self.cycle
        answering = cycle is not None and not cycle.response_complete
        if answering or self.transport.is_closing():
            self._stop()
        elif self._limit is None:
            self._limit = self.loop.call_later(self.header_seconds, self.transport.close)

    def _stop(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


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
        # behind the body comes only that the client has gone, which may take as long as it likes; so may a body that
        # is not read but for that, while the answer is sent
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
