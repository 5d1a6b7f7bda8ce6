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


_FOR_ALL = {
    # what a browser is told to be audio or JSON is never taken for a script or a page
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
}
_FOR_DATA = "default-src 'none'; frame-ancestors 'none'"
"""Policy of what is no page: opened by itself it may load nothing, and nobody may frame it."""


class SecurityHeaders:
    """Gives every answer the headers by which browsers keep what it holds from being misused.

    Strict-Transport-Security is left to the proxy that has the certificate.

    Args:
        app: What answers.
        media_origin: Where audio is redirected to, if it is.
    """

    def __init__(self, app: ASGIApp, media_origin: str | None = None) -> None:
        self._app = app
        self._page = _encode(_FOR_ALL | {"content-security-policy": page_policy(media_origin)})
        self._data = _encode(_FOR_ALL | {"content-security-policy": _FOR_DATA})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add them: the page's own below ``/`` and ``/web/``."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope.get("path", "")
        headers = self._page if path == "/" or path.startswith("/web/") else self._data

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        await self._app(scope, receive, add)


def _encode(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]


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
