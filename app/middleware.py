"""What is done to answers on their way out.

Written against ASGI itself: the framework's wrapper for functions costs every request about a millisecond.
"""

from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = "default-src 'self'; img-src 'self' https: data:; media-src 'self'; frame-ancestors 'none'"
"""Content-Security-Policy of the page and of what it loads."""

CLIP_PATH = "/search/by-audio"
"""Where clips are sent."""


class PagePolicy:
    """Gives the page its Content-Security-Policy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add the header to answers below ``/`` and ``/web/``."""
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == "/" or path.startswith("/web/")):
            await self._app(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["content-security-policy"] = PAGE_POLICY
            await send(message)

        await self._app(scope, receive, add)


class ClipSize:
    """Says in words why a clip is refused: the framework does so before any handler runs, and in three words.

    Args:
        app: What comes next.
        limit: Bytes of a request at most.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and put an answer of our own in the place of a 413."""
        if scope["type"] != "http" or scope.get("path") != CLIP_PATH:
            await self._app(scope, receive, send)
            return
        refused = False

        async def explain(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == 413:
                refused = True
                await self._answer()(scope, receive, send)
            elif not refused:
                await send(message)

        await self._app(scope, receive, explain)

    def _answer(self) -> JSONResponse:
        message = f"the request has more than {self._limit} bytes: send a shorter clip (CLIP_MAX_BYTES)"
        return JSONResponse({"detail": [{"type": "too_large", "loc": ["body", "file"], "msg": message}]}, 413)
