"""Compressing answers for clients that take it."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipResponder, IdentityResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SMALLEST_BYTES = 1024
_LEVEL = 5
_IN_THREAD_BYTES = 64 * 1024
"""A larger piece is compressed in a thread; this one takes about a millisecond."""


def accepts_gzip(headers: Headers) -> bool:
    """Whether a client takes gzip, by the Accept-Encoding headers of its request."""
    weights: dict[str, float] = {}
    for part in ",".join(headers.getlist("accept-encoding")).split(","):
        coding, _, parameter = part.partition(";")
        name, _, weight = parameter.strip().partition("=")
        try:
            weights[coding.strip().lower()] = float(weight) if name.strip().lower() == "q" else 1.0
        except ValueError:
            continue
    return weights.get("gzip", weights.get("*", 0.0)) > 0


class Compression:
    """Gzips answers of 1 kB and more, except audio, streams of events, parts of files and what is compressed already.

    Compressed length tells about a secret that stands beside text of an attacker's choice (BREACH). No answer holds a
    secret: tokens are printed by the command line alone.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and compress what comes back."""
        # audio of a type that is not known is no type that could be left out
        if scope["type"] != "http" or scope.get("path", "").startswith("/audio/"):
            await self._app(scope, receive, send)
            return
        responder = (
            GZipResponder(self._app, _SMALLEST_BYTES, _LEVEL, thread_minimum_size=_IN_THREAD_BYTES)
            if accepts_gzip(Headers(scope=scope))
            else IdentityResponder(self._app, _SMALLEST_BYTES)
        )
        await responder(scope, receive, _tidying(send))


def _tidying(send: Send) -> Send:
    """Put the headers right that depend on the compression.

    - Entity tags of compressed answers are weak: a part of the plain file must not be joined to them.
    - An answer of 304 depends on what the whole one depends on.
    - Each header is named once in Vary.
    """

    async def tidy(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            tag = headers.get("etag", "W/")
            if headers.get("content-encoding") == "gzip" and not tag.startswith("W/"):
                headers["etag"] = f"W/{tag}"
            if message["status"] == 304:
                headers.add_vary_header("accept-encoding")
            if "vary" in headers:
                named = [name.strip().lower() for name in headers["vary"].split(",")]
                headers["vary"] = ", ".join(dict.fromkeys(named))
        await send(message)

    return tidy
