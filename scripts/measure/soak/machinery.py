"""Jobs a second of the queue alone, with the supervisor and without it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from procrastinate import App, PsycopgConnector

from app.settings import Settings
from workers.supervision import Supervisor

_JOBS = 1500


async def measure_machinery(settings: Settings) -> dict[str, float | int]:
    """Drain jobs that do nothing, at one and at eight at a time.

    Args:
        settings: Of the database.
    """
    found: dict[str, float | int] = {}
    for concurrency in (1, 8):
        async with _opened(settings) as app:
            found[f"jobs/s, supervised, {concurrency} at a time"] = await _drain(app, concurrency, supervised=True)
            found[f"jobs/s, bare procrastinate, {concurrency} at a time"] = await _drain(
                app, concurrency, supervised=False
            )
    return found


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[App]:
    app = App(connector=PsycopgConnector(conninfo=str(settings.database_url), max_size=12))

    @app.task(name="soak:nothing", queue="soak")
    async def do_nothing() -> None:
        pass

    async with app.open_async():
        yield app


async def _drain(app: App, concurrency: int, *, supervised: bool) -> float:
    await app.tasks["soak:nothing"].batch_defer_async(*({} for _ in range(_JOBS)))
    started = time.perf_counter()
    if supervised:
        await Supervisor(app, wait=False, concurrency=concurrency, queues=["soak"]).run()
    else:
        await app.run_worker_async(wait=False, concurrency=concurrency, queues=["soak"], install_signal_handlers=False)
    return _JOBS / (time.perf_counter() - started)
