"""What is done to answers on their way out.

Written against ASGI itself: the framework's wrapper for functions costs every request about a millisecond.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def page_policy(media_origin: str | None) -> str:
    """Content-Security-Policy of the page and of what it loads.

    Args:
        media_origin: Where audio is redirected to, if it is.
    """
    media = "'self'" if media_origin is None else f"'self' {media_origin}"
    return f"default-src 'self'; img-src 'self' https: data:; media-src {media}; frame-ancestors 'none'"


class PagePolicy:
    """Gives the page its Content-Security-Policy.

    Args:
        app: What answers.
        media_origin: Where audio is redirected to, if it is.
    """

    def __init__(self, app: ASGIApp, media_origin: str | None = None) -> None:
        self._app = app
        self._policy = page_policy(media_origin)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add the header to answers below ``/`` and ``/web/``."""
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == "/" or path.startswith("/web/")):
            await self._app(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["content-security-policy"] = self._policy
            await send(message)

        await self._app(scope, receive, add)


_VARY = "vibe_search.vary"


def name_in_vary(scope: Scope, header: str) -> None:
    """Say that the answer to a request depends on one of its headers."""
    scope.setdefault(_VARY, {})[header.lower()] = None


class Vary:
    """Names in each answer, refusals included, the request's headers that it depends on: no cache mixes up two callers.

    An endpoint cannot do it alone: what it sets is lost when it raises, or returns an answer of its own making.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add the header where `name_in_vary` was called."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start" and _VARY in scope:
                MutableHeaders(scope=message).add_vary_header(", ".join(scope[_VARY]))
            await send(message)

        await self._app(scope, receive, add)
