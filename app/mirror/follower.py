"""Keeping the mirror equal to the catalogue while a process runs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.database import Database
from app.errors import DatabaseUnavailableError
from app.mirror.sync import MirrorSync
from services.vector_mirror import MirrorError, VectorMirror

_log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""How long the mirror may be behind while nothing else holds it up."""

LONGEST_PAUSE_SECONDS = 60.0

_RETRY_SECONDS = 0.5


@asynccontextmanager
async def following(database: Database, mirror: VectorMirror, base: str, *, wait: bool) -> AsyncIterator[None]:
    """Keep the mirror up to date while the block runs, and close it at the end.

    Args:
        database: The database.
        mirror: The mirror; without one, nothing is done.
        base: Name of its first namespace.
        wait: Whether to follow the whole time. Otherwise, it is brought up to date once, when the block has ended well.
    """
    if not mirror.name:
        yield
        return
    sync = MirrorSync(database, mirror, base)
    task = asyncio.create_task(follow(sync)) if wait else None
    try:
        yield
        if task is None:
            await sync.run()
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await mirror.close()


async def follow(sync: MirrorSync, poll_seconds: float = POLL_SECONDS) -> None:
    """Bring the mirror up to date again and again; after failures, which search.mirror_lag shows, in longer pauses."""
    failures = 0
    while True:
        try:
            await sync.run()
            failures = 0
        except (MirrorError, DatabaseUnavailableError) as error:
            failures += 1
            _log.warning("the mirror is not up to date: %s", error)
        except Exception:  # noqa: BLE001 - whatever it was, nothing is lost, and the next round may succeed
            failures += 1
            _log.exception("the mirror could not be brought up to date")
        await asyncio.sleep(min(LONGEST_PAUSE_SECONDS, poll_seconds * 2.0 ** min(failures, 10)))


async def catch_up(sync: MirrorSync) -> None:
    """Bring the mirror up to date; while another process does that, wait for it.

    Raises:
        MirrorError: The mirror does not do what it should.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    while not await sync.run():  # noqa: ASYNC110 - it is another process that ends
        await asyncio.sleep(_RETRY_SECONDS)
