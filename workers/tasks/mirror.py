"""Keeping the mirror equal to the catalogue, and looking whether it is."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from procrastinate import JobContext

from app.database import Database
from app.errors import DatabaseUnavailableError
from app.mirror import MirrorSync, compare, read_namespaces, record, repair
from app.providers import Providers
from app.settings import Settings
from services.vector_mirror import MirrorError
from workers.app import WorkerContext, app
from workers.track_job import worker_context

_log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""How long the mirror may be behind while nothing else holds it up."""

LONGEST_PAUSE_SECONDS = 60.0
SAMPLE = 10_000
"""Documents that are compared every ten minutes: a million have all been after 17 hours."""


def make_sync(database: Database, settings: Settings, providers: Providers) -> MirrorSync:
    """What brings the configured mirror up to date."""
    return MirrorSync(database, providers.mirror, settings.turbopuffer_namespace)


@asynccontextmanager
async def following(worker: WorkerContext, *, wait: bool) -> AsyncIterator[None]:
    """Keep the mirror up to date while this lasts, or, without ``wait``, bring it up to date once at the end."""
    if not worker.providers.mirror.name:
        yield
        return
    sync = make_sync(worker.database, worker.settings, worker.providers)
    task = asyncio.create_task(follow(sync)) if wait else None
    try:
        yield
        if task is None:
            await sync.run()
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await worker.providers.mirror.close()


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


@app.periodic(cron="*/10 * * * *")
@app.task(name="check_mirror", queue="upkeep", pass_context=True)
async def check_mirror(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate passes it
    """Compare the next part of the mirror with the catalogue, record what was found, and have it mended."""
    worker = worker_context(context)
    if worker.providers.mirror.name:
        await check_part(worker, SAMPLE)


async def check_part(worker: WorkerContext, most: int) -> int:
    """Compare the part that follows the one that was compared last.

    What bypasses triggers, such as a restore or a replica's role, is found so at last.

    Args:
        worker: The database and the mirror.
        most: About how many documents.

    Returns:
        How many differences there were.
    """
    serving = next((found for found in await read_namespaces(worker.database) if found.state == "serving"), None)
    if serving is None:
        return 0
    last_checked = {"namespace": serving.name}
    after: int | None = await worker.database.scalar_or_none("mirror_last_checked", last_checked)
    found = await compare(worker.database, worker.providers.mirror, serving.name, after=after, most=most)
    await record(worker.database, found)
    number = await repair(worker.database, found)
    if number:
        _log.warning("%s differed from the catalogue in %d documents, which are being mended", serving.name, number)
    return number
