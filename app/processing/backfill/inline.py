"""Working through tracks in this process, beside others that do the same."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import text

from app.database import Database, HeldConnection
from app.errors import DatabaseUnavailableError
from app.processing.backfill.targets import Backfill

Work: TypeAlias = Callable[[int, str], Awaitable[object]]
"""Does the work on a track, given its id and file_id: stores the result, or records why there is none and raises."""

_POLL_SECONDS = 0.5


@dataclass
class InlineProgress:
    """How far the work is.

    Attributes:
        finished: Tracks that are done with, well or badly.
        failed: Those of them that failed here.
        elsewhere: Tracks that another process has claimed; they are looked at again when all others are finished.
    """

    finished: int = 0
    failed: int = 0
    elsewhere: int = 0


class InlineWork:
    """The work on some tracks, shared with every other process that has the same to do.

    Each track is claimed for the session of one connection before it is worked on. What another has claimed is left to
    it, and looked at again in the end: a process that was killed leaves its tracks to those that go on.

    Args:
        database: The database of which one connection is kept, a session of the server: claims are its locks.
        backfill: What is to be filled in.
        work: How.
        show: Called after each track.
    """

    def __init__(
        self, database: Database, backfill: Backfill, work: Work, show: Callable[[InlineProgress], None]
    ) -> None:
        self._database = database
        self._backfill = backfill
        self._work = work
        self._show = show
        self._progress = InlineProgress()
        self._waiting: deque[int] = deque()
        self._elsewhere: list[int] = []
        self._stopped = asyncio.Event()
        self._claiming = asyncio.Lock()

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Begin no further track; those under way are finished."""
        self._stopped.set()

    async def run(self, tracks: Sequence[int], concurrency: int) -> None:
        """Work until every track is done with, or until told to stop.

        Args:
            tracks: Their ids.
            concurrency: Tracks at the same time.

        Raises:
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        # asyncio's own pool has no more threads than a few for each core, whatever is asked for
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(concurrency, "backfill"))
        self._waiting.extend(tracks)
        async with self._database.connection() as claims:
            while self._waiting and not self.stopped:
                await self._take_together(claims, min(concurrency, len(self._waiting)))
                self._waiting.extend(self._elsewhere)
                self._elsewhere.clear()
                await self._pause()

    async def _take_together(self, claims: HeldConnection, number: int) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(number):
                    group.create_task(self._take_all(claims))
        except ExceptionGroup as errors:
            # they all say that Postgres is gone
            raise errors.exceptions[0] from errors

    async def _take_all(self, claims: HeldConnection) -> None:
        while self._waiting and not self.stopped:
            track = self._waiting.popleft()
            claim = await self._claim(claims, track)
            if claim is not None and not claim.claimed:
                self._elsewhere.append(track)
            else:
                if claim is not None:
                    await self._work_on(claims, track, claim)
                self._progress.finished += 1
            self._progress.elsewhere = len(self._elsewhere)
            self._show(self._progress)

    async def _work_on(self, claims: HeldConnection, track: int, claim: Any) -> None:  # noqa: ANN401 - a row of claim_track.sql
        try:
            await self._work(track, claim.file_id)
        except DatabaseUnavailableError:
            raise
        except Exception:  # noqa: BLE001 - the work has recorded why; the result tells it
            self._progress.failed += 1
        async with self._claiming:
            await claims.execute(text("select pg_advisory_unlock(:key)"), {"key": claim.key})

    async def _claim(self, claims: HeldConnection, track: int) -> Any:  # noqa: ANN401 - as above
        parameters = {"task": self._backfill.task, "model": self._backfill.identity or "", "track_id": track}
        async with self._claiming:
            return await claims.one_or_none("claim_track", parameters)

    async def _pause(self) -> None:
        """Give the others time, unless nothing is left to wait for."""
        if self._waiting and not self.stopped:
            try:
                await asyncio.wait_for(self._stopped.wait(), _POLL_SECONDS)
            except TimeoutError:
                return
