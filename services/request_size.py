"""Saying in words why a request is refused for its size.

The framework refuses it before any handler runs, and in three words. Written against ASGI itself: the framework's
wrapper for functions costs every request about a millisecond.
"""

import re

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EXPLAINED = "vibe_search.explained"
"""Key that a handler sets in the scope when it answers 413 in words of its own."""

_TOO_LARGE = 413


class ExplainTooLarge:
    """Puts an answer of its own in the place of the framework's 413.

    Args:
        app: What comes next.
        paths: Of which endpoints: a regular expression of their whole path.
        field: Path of the field that is too large, below the body.
        message: Why, and what to do.
    """

    def __init__(self, app: ASGIApp, *, paths: str, field: tuple[str, ...], message: str) -> None:
        self._app = app
        self._paths = re.compile(paths)
        self._body = {"detail": [{"type": "too_large", "loc": ["body", *field], "msg": message}]}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and answer in words where the framework refuses in three of them."""
        if scope["type"] != "http" or not self._paths.fullmatch(scope.get("path", "")):
            await self._app(scope, receive, send)
            return
        refused = False

        async def explain(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == _TOO_LARGE and EXPLAINED not in scope:
                refused = True
                await JSONResponse(self._body, _TOO_LARGE)(scope, receive, send)
            elif not refused:
                await send(message)

        await self._app(scope, receive, explain)
