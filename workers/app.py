"""The procrastinate app, and running it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from procrastinate import App, PsycopgConnector

from app.database import Database, configure_connection, normalise_url
from app.mirror import following, require_mirror
from app.processing.track_job import PermanentJobError
from app.providers import Providers
from app.settings import Settings
from workers.context import WorkerContext
from workers.supervision import Supervisor, stopping_on_signals

app = App(
    # the URL is known only when a worker runs: run_worker gives this connector's place to a real one
    connector=PsycopgConnector(),
    import_paths=[
        "workers.tasks.embed",
        "workers.tasks.classify",
        "workers.tasks.calibrate",
        "workers.tasks.draw_map",
        "workers.tasks.mirror",
        "workers.tasks.model_switch",
        "workers.tasks.unused_audio",
        "workers.tasks.upkeep",
    ],
)
"""All tasks register here when their modules are imported."""


async def run_worker(
    url: str, settings: Settings, providers: Providers, *, wait: bool = True, handle_signals: bool = False
) -> None:
    """Run jobs until told to stop, or, without ``wait``, until none is due.

    Args:
        url: libpq URL of the database.
        settings: Concurrency and limits.
        providers: The services that tasks use.
        wait: Whether to go on waiting for jobs when the queue is empty.
        handle_signals: Whether SIGINT and SIGTERM finish the jobs under way and end the worker. Otherwise the
            caller cancels it, and what is under way goes back to the queue.

    Raises:
        UserError: The mirror cannot be used with these settings.
    """
    # a connection for each job, one for what is periodic, and those of the mirror: its lock and its work
    async with Database.open(url, pool_size=settings.worker_concurrency + 3) as database:
        await require_mirror(database, providers.mirror, settings.turbopuffer_namespace)
        connector = PsycopgConnector(
            conninfo=normalise_url(url),
            min_size=1,
            max_size=settings.worker_concurrency + 2,
            configure=configure_connection,
        )
        # not with_connector, which copies the app: periodic tasks would go on using the original's connector
        with app.replace_connector(connector):
            await _work(WorkerContext(database, providers, settings), wait=wait, handle_signals=handle_signals)


async def _work(context: WorkerContext, *, wait: bool, handle_signals: bool) -> None:
    supervisor = Supervisor(
        app,
        wait=wait,
        concurrency=context.settings.worker_concurrency,
        fetch_job_polling_interval=2.0,
        shutdown_graceful_timeout=30.0,
        additional_context={"worker": context},
    )
    mirror, base = context.providers.mirror, context.settings.turbopuffer_namespace
    async with _opened(), following(context.database, mirror, base, wait=wait):
        with stopping_on_signals(supervisor) if handle_signals else nullcontext():
            await supervisor.run()


@asynccontextmanager
async def _opened() -> AsyncIterator[None]:
    """The app's pool, opened, and closed at the end.

    A pool whose opening is cancelled leaves tasks behind that nothing ends, and the process with them. So the opening
    is waited for, whoever cancels, and then undone.
    """
    opening = asyncio.create_task(app.connector.open_async())
    try:
        await asyncio.shield(opening)
        yield
    finally:
        await opening
        await app.connector.close_async()


def quieten_job_log() -> None:
    """Log a job that failed for a known reason as one line; its trace would say nothing more."""
    logging.getLogger("procrastinate.worker").addFilter(_without_known_traces)


def _without_known_traces(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, PermanentJobError):
        record.exc_info = None
        record.msg, record.args = f"{record.getMessage()} {error}", ()
    return True
