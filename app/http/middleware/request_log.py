"""What is noted of every request: its id, how long it took, and a line in the log.

Written against ASGI itself: the framework's wrapper for functions costs every request about a millisecond.
"""

import logging
import re
import secrets
import time
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.observability.log import REQUEST_ID
from app.observability.tracing import Span, mark_failed, span
from services.metrics import REQUESTS

_ACCEPTED = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Ids of callers that are taken over; what else they send might not be fit for a log."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods by their names; a client may make up any other, and each would be a series of its own for ever."""

_log = logging.getLogger("vibe_search.requests")


class RequestLog:
    """Gives every request an id, times it, logs it, and answers in words what nobody expected.

    Args:
        app: What answers.
        log_queries: Whether what was searched for may stand in the log.
    """

    def __init__(self, app: ASGIApp, *, log_queries: bool = False) -> None:
        self._app = app
        self._log_queries = log_queries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and note what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        sent = headers.get("x-request-id", "")
        request_id = sent if _ACCEPTED.fullmatch(sent) else secrets.token_hex(8)
        token = REQUEST_ID.set(request_id)
        status, started = 0, time.perf_counter()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode("ascii"))]
            await send(message)

        try:
            with span("request", {"request_id": request_id}, asked_by=headers) as current:
                try:
                    await self._app(scope, receive, note)
                except Exception as error:
                    _log.exception("a request ended with an error")
                    mark_failed(current, type(error).__name__)
                    if status:
                        raise
                    await _apologise(request_id)(scope, receive, note)
                else:
                    if status >= 500:
                        mark_failed(current, str(status))
                finally:
                    _describe(current, scope, status)
                    self._note(scope, status, time.perf_counter() - started)
        finally:
            REQUEST_ID.reset(token)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = _method(scope), _route(scope)
        REQUESTS.labels(method, route, str(status)).observe(seconds)
        if not _log.isEnabledFor(logging.INFO):
            return
        fields = {"method": method, "route": route, "status": status, "milliseconds": round(1000 * seconds, 2)}
        if self._log_queries:
            asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("q")
            fields |= {"query": asked[0]} if asked else {}
        _log.info("request", extra=fields)


def _describe(current: Span, scope: Scope, status: int) -> None:
    method, route = _method(scope), _route(scope)
    current.update_name(f"{method} {route}")
    current.set_attribute("http.request.method", method)
    current.set_attribute("http.route", route)
    current.set_attribute("http.response.status_code", status)


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else "other"


def _route(scope: Scope) -> str:
    """The template of the endpoint: what stands in an address may be private, and has no end."""
    path: str | None = getattr(scope.get("route"), "path", None)
    if path is not None:
        return path
    return "/web/..." if scope.get("path", "").startswith("/web/") else "none"


def _apologise(request_id: str) -> JSONResponse:
    detail = f"something went wrong here; whoever runs this server finds it in the log as {request_id}"
    return JSONResponse({"detail": detail}, 500)
