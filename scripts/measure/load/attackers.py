"""Three who ask for as much as they can, each from an address of its own, held by the limits of a server."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx2

from scripts.measure.costly_queries.queries import FORMS, Words, make_query
from scripts.measure.load.clients import TIMEOUT_SECONDS

ADDRESSES = {"costly queries": "127.0.0.2", "event streams": "127.0.0.3", "map and readyz": "127.0.0.4"}
"""Where each comes from. All of 127.0.0.0/8 is this machine, and the limits are for each address."""

CONNECTIONS = {"costly queries": 10, "event streams": 100, "map and readyz": 100}
"""How many requests each has under way."""

_REFUSED_SECONDS = 0.2
"""Until one who was refused tries again, whatever retry-after says."""


@dataclass
class Attack:
    """What the three do.

    Attributes:
        address: Of the server.
        words: Of its catalogue, for costly queries.
        track: Id of a track whose processing does not end, so that its streams stay open.
        statuses: How often each got which answer; 0 for none.
    """

    address: str
    words: Words
    track: int
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: {kind: Counter() for kind in ADDRESSES})

    def run(self, seconds: float) -> "Attack":
        """Ask until the time is over; meant for a process of its own, whose work does not delay other clients."""
        asyncio.run(self._run(seconds))
        return self

    async def _run(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        ways = {"costly queries": self._search, "event streams": self._follow, "map and readyz": self._look}
        await asyncio.gather(*(self._attack(kind, way, ends) for kind, way in ways.items()))

    async def _attack(self, kind: str, way: "Callable[[httpx2.AsyncClient, int], Awaitable[int]]", ends: float) -> None:
        count = CONNECTIONS[kind]
        transport = httpx2.AsyncHTTPTransport(
            local_address=ADDRESSES[kind], limits=httpx2.Limits(max_connections=count, max_keepalive_connections=count)
        )
        async with httpx2.AsyncClient(base_url=self.address, transport=transport, timeout=TIMEOUT_SECONDS) as http:

            async def ask(number: int) -> None:
                while time.monotonic() < ends:
                    try:
                        async with asyncio.timeout(max(0.1, ends - time.monotonic())):
                            status = await way(http, number)
                    except (httpx2.TransportError, TimeoutError):
                        status = 0
                    self.statuses[kind][status] += 1
                    if not httpx2.codes.is_success(status):
                        await asyncio.sleep(_REFUSED_SECONDS)

            await asyncio.gather(*(ask(number) for number in range(count)))

    async def _search(self, http: httpx2.AsyncClient, number: int) -> int:
        dice = random.Random(time.monotonic_ns() + number)  # noqa: S311 - makes queries, guards nothing
        query = make_query(dice.choice(list(FORMS)), dice, self.words)
        return (await http.get("/search/", params={"q": query.ljust(2, "e"), "limit": "50"})).status_code

    async def _follow(self, http: httpx2.AsyncClient, _number: int) -> int:
        async with http.stream("GET", f"/tracks/{self.track}/events") as answer:
            if answer.is_success:
                async for _ in answer.aiter_bytes():
                    pass
            return answer.status_code

    async def _look(self, http: httpx2.AsyncClient, number: int) -> int:
        return (await http.get("/map" if number % 2 else "/readyz")).status_code
