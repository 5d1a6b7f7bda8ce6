"""The map of the library as it was read last, for as long as it is still so."""

import time
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from app.database import Database
from app.http.kept_answer import KeptAnswer
from app.http.shared_results import FreshResult

_KEPT_SECONDS = 60.0
"""After so long it is read anew: genres are not compared."""


@dataclass
class _Read:
    """A map that was read.

    Attributes:
        answer: What is sent.
        stamp: When it was drawn, and which tracks are listed on it.
        snapshot: What the database had committed when the stamp was compared last.
        read_at: On the monotonic clock, in seconds.
    """

    answer: KeptAnswer
    stamp: str
    snapshot: str
    read_at: float


class KeptMap:
    """Keeps the map, and asks Postgres before each use whether the same tracks are listed.

    A snapshot in which nothing was committed since costs Postgres nothing to compare; otherwise the listed tracks are
    compared. So they are for each question to a physical replica. Requests that come at the same time share one
    question, asked after all of them have come.

    Args:
        database: Where the map is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read: _Read | None = None
        self._checks = FreshResult(self._check)

    async def answer(self) -> KeptAnswer:
        """The map as it is now.

        Raises:
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        return await self._checks.result()

    async def close(self) -> None:
        """End a reading that is under way; those who wait for it are cancelled."""
        await self._checks.close()

    async def _check(self) -> KeptAnswer:
        read = self._read
        if read is not None and time.monotonic() - read.read_at < _KEPT_SECONDS:
            found = await self._database.one("map_changed", {"snapshot": read.snapshot, "stamp": read.stamp})
            if not found.changed:
                read.snapshot = found.snapshot
                return read.answer
        row = await self._database.one("read_map")
        answer = await run_in_threadpool(KeptAnswer.of, row.body)
        self._read = _Read(answer, row.stamp, row.snapshot, time.monotonic())
        return answer
