"""Waiting for jobs that workers run."""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from app.database import Database

_POLL_SECONDS = 0.5
_POLL_SHARE = 5.0
"""Looking takes at most a sixth of the time, however many jobs there are."""


@dataclass(frozen=True)
class JobProgress:
    """How far some jobs are.

    Attributes:
        unfinished: Jobs that wait or run.
        failed: Jobs that were given up.
        retrying: Unfinished ones that have failed and wait for another attempt.
        workers: Workers that are alive.
    """

    unfinished: int
    failed: int
    retrying: int
    workers: int


async def wait_for_jobs(database: Database, jobs: Collection[int], show: Callable[[JobProgress], None]) -> None:
    """Stay until all of some jobs have ended, well or badly.

    Args:
        database: The database.
        jobs: Their ids.
        show: Called with each look.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    parameters = {"jobs": list(jobs)}
    while True:
        began = time.monotonic()
        progress = JobProgress(**(await database.one("backfill_progress", parameters))._asdict())
        show(progress)
        # Ctrl-C in the middle of a statement has been seen to get lost in the layers below
        this = asyncio.current_task()
        if this is not None and this.cancelling():
            raise asyncio.CancelledError
        if not progress.unfinished:
            return
        await asyncio.sleep(max(_POLL_SECONDS, _POLL_SHARE * (time.monotonic() - began)))
