"""Clients that search, look and upload, as many at once as are wanted."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx2

from app.measure.sample.pieces import Piece
from app.measure.speed.queries import Query

TIMEOUT_SECONDS = 60.0

SHARES = {"search": 0.70, "semantic": 0.12, "similar": 0.08, "track": 0.05, "audio": 0.05}
"""What a client that does not upload asks for."""

UPLOAD_PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Load:
    """How much is asked.

    Attributes:
        clients: How many at once.
        uploaders: How many of them upload.
        seconds: How long.
    """

    clients: int
    uploaders: int
    seconds: float


@dataclass(frozen=True)
class Request:
    """A request that was answered, or was not.

    Attributes:
        kind: What was asked.
        started: Of `time.monotonic`.
        milliseconds: Until the whole answer was there.
        status: 0 where there was no answer.
        sounds: For a search, whether the text was compared with sounds.
    """

    kind: str
    started: float
    milliseconds: float
    status: int
    sounds: bool | None = None

    @property
    def succeeded(self) -> bool:
        """Whether there was an answer, and a good one."""
        return httpx2.codes.is_success(self.status)


@dataclass
class Crowd:
    """Clients of one server.

    Attributes:
        address: Of the server.
        token: To upload with.
        queries: What is typed.
        tracks: Ids of tracks to look at, and of their recordings.
        pieces: What is uploaded, each once.
        done: Every request that has ended.
    """

    address: str
    token: str
    queries: Sequence[Query]
    tracks: Sequence[int]
    pieces: list[Piece]
    done: list[Request] = field(default_factory=list)
    file_ids: list[str] = field(default_factory=list)

    async def run(self, load: Load) -> None:
        """Ask, each client one thing after the other, until the time is over; uploaders pause after each file."""
        ends = time.monotonic() + load.seconds
        limits = httpx2.Limits(max_connections=load.clients, max_keepalive_connections=load.clients)
        async with httpx2.AsyncClient(base_url=self.address, timeout=TIMEOUT_SECONDS, limits=limits) as http:
            listening = (self._listen(http, number, ends) for number in range(load.clients - load.uploaders))
            uploading = (self._upload(http, ends) for _ in range(load.uploaders))
            await asyncio.gather(*listening, *uploading)

    async def _listen(self, http: httpx2.AsyncClient, number: int, ends: float) -> None:
        chance = random.Random(number)  # noqa: S311 - decides what is asked
        while time.monotonic() < ends:
            kind = chance.choices(list(SHARES), list(SHARES.values()))[0]
            query, track = chance.choice(self.queries).text[:100], chance.choice(self.tracks)
            if kind == "search":
                await self._ask(http, kind, "/search/", {"q": query if len(query) > 1 else "the", "limit": "10"})
            elif kind == "semantic":
                await self._ask(http, kind, "/search/semantic", {"q": f"{query} sound"})
            elif kind == "similar":
                await self._ask(http, kind, f"/tracks/{track}/similar", {})
            elif kind == "audio" and self.file_ids:
                await self._ask(http, kind, f"/audio/{chance.choice(self.file_ids)}", {}, {"range": "bytes=0-65535"})
            else:
                await self._ask(http, "track", f"/tracks/{track}", {})

    async def _ask(
        self,
        http: httpx2.AsyncClient,
        kind: str,
        path: str,
        parameters: dict[str, str],
        headers: dict[str, str] | None = None,
    ) -> None:
        started = time.monotonic()
        sounds = None
        try:
            answer = await http.get(path, params=parameters, headers=headers)
            status = answer.status_code
            if kind in {"search", "semantic"} and status == httpx2.codes.OK:
                sounds = bool(answer.json()["available"])
        except httpx2.TransportError:
            status = 0
        self._note(kind, started, status, sounds)

    async def _upload(self, http: httpx2.AsyncClient, ends: float) -> None:
        headers = {"authorization": f"Bearer {self.token}"}
        while time.monotonic() < ends and self.pieces:
            piece = self.pieces.pop()
            started = time.monotonic()
            try:
                answer = await http.post(
                    "/tracks", data={"title": piece.name}, files={"audio": ("a", piece.content)}, headers=headers
                )
                status = answer.status_code
                if status == httpx2.codes.CREATED:
                    self.file_ids.append(answer.json()["file_id"])
            except httpx2.TransportError:
                status = 0
            self._note("upload", started, status, None)
            await asyncio.sleep(UPLOAD_PAUSE_SECONDS)

    def _note(self, kind: str, started: float, status: int, sounds: bool | None) -> None:
        milliseconds = (time.monotonic() - started) * 1000
        self.done.append(Request(kind, started, milliseconds, status, sounds))
