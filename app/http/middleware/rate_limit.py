"""How much one client may ask for.

Written against ASGI itself: the framework's wrapper for functions costs every request about a millisecond. The counts
are this process's own; with several processes a client may ask each of them for so much.
"""

import math
import re
import time
from dataclasses import dataclass

from fastapi.responses import JSONResponse
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.client_address import Network, count_under

FREE = re.compile(r"/|/web/.*|/healthz|/openapi\.json")
"""Paths that cost next to nothing."""

READINESS = re.compile(r"/readyz")
"""Counted apart: a load balancer must get its answer, whatever its address has searched for."""

COSTLY = re.compile(r"/search/by-audio|/tracks|/tracks/[^/]+/(audio|recommended-tags)|/map")
"""Paths behind which audio is decoded or very many rows are read."""


@dataclass(frozen=True)
class RateLimits:
    """How much one address may ask for.

    Attributes:
        searches: Requests a minute of the usual kind, and as many for readiness; 0 for any number.
        costly: Those behind which much work is; 0 for any number.
        exempt: Networks that may ask for any number.
    """

    searches: int
    costly: int
    exempt: tuple[Network, ...] = ()


class RateLimit:
    """Answers 429 to whoever asks for too much, before any work is done for it.

    Args:
        app: What answers.
        limits: How much is too much.
    """

    def __init__(self, app: ASGIApp, limits: RateLimits) -> None:
        self._app = app
        self._exempt = limits.exempt
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._searches = RateLimitItemPerMinute(limits.searches) if limits.searches else None
        self._costly = RateLimitItemPerMinute(limits.costly) if limits.costly else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count, and pass on what is within the limit."""
        refused = None if scope["type"] != "http" else self._refuse(scope)
        await (refused or self._app)(scope, receive, send)

    def _refuse(self, scope: Scope) -> JSONResponse | None:
        path = scope.get("path", "")
        if FREE.fullmatch(path):
            return None
        kind = "costly" if COSTLY.fullmatch(path) else "readiness" if READINESS.fullmatch(path) else "usual"
        limit = self._costly if kind == "costly" else self._searches
        if limit is None:
            return None
        client = count_under(scope, self._exempt)
        if client is None:
            return None
        key = (client, kind)
        if self._limiter.hit(limit, *key):
            return None
        seconds = max(1, math.ceil(self._limiter.get_window_stats(limit, *key).reset_time - time.time()))
        detail = f"more than {limit.amount} requests of this kind in a minute: try again in {seconds} s"
        return JSONResponse({"detail": detail}, 429, headers={"retry-after": str(seconds)})
