"""How much one client may ask for.

Written against ASGI itself: the framework's wrapper for functions costs every request about a millisecond. The counts
are this process's own; with several processes a client may ask each of them for so much.
"""

import math
import re
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from fastapi.responses import JSONResponse
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import UserError

Network = IPv4Network | IPv6Network

FREE = re.compile(r"/|/web/.*|/healthz|/readyz|/openapi\.json")
"""Paths that cost next to nothing, or that whoever runs the installation asks for all the time."""

COSTLY = re.compile(r"/search/by-audio|/tracks|/tracks/[^/]+/(audio|recommended-tags)|/map")
"""Paths behind which audio is decoded or very many rows are read."""

_UNREADABLE = "unreadable"
"""All requests whose address cannot be read share one count."""

_SITE_BITS = 64
"""Of an IPv6 address; a client has the rest to choose from."""


@dataclass(frozen=True)
class RateLimits:
    """How much one address may ask for.

    Attributes:
        searches: Requests a minute of the usual kind; 0 for any number.
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
        costly = COSTLY.fullmatch(path) is not None
        limit = self._costly if costly else self._searches
        if limit is None:
            return None
        if not scope.get("client"):
            # over a Unix socket, where only this machine can ask
            return None
        client = _read_address(scope["client"][0])
        if client is not None and any(client in network for network in self._exempt):
            return None
        key = (_UNREADABLE if client is None else _site(client), str(costly))
        if self._limiter.hit(limit, *key):
            return None
        seconds = max(1, math.ceil(self._limiter.get_window_stats(limit, *key).reset_time - time.time()))
        detail = f"more than {limit.amount} requests of this kind in a minute: try again in {seconds} s"
        return JSONResponse({"detail": detail}, 429, headers={"retry-after": str(seconds)})


def read_networks(text: str) -> tuple[Network, ...]:
    """Networks or single addresses, with commas between them.

    Raises:
        UserError: One of them is neither.
    """
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise UserError(f"RATE_LIMIT_EXEMPT: {error}; write networks such as 10.0.0.0/8, with commas") from error


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address; None where the text is none, as behind a proxy that forwards what it was told."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _site(client: IPv4Address | IPv6Address) -> str:
    if isinstance(client, IPv4Address):
        return str(client)
    return str(ip_network((client, _SITE_BITS), strict=False).network_address)
