"""The procrastinate app, and running it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any, Final

from procrastinate import App, PsycopgConnector

from app.database import Database, read_direct_url, require_same_database
from app.errors import DatabaseUnavailableError
from app.mirror import following, require_mirror
from app.processing.track_job import PermanentJobError
from app.providers import Providers
from app.settings import Settings
from services.audio_store import AudioMissingError
from workers.context import WorkerContext
from workers.queue_connector import QueueConnector
from workers.retry import AWAITED_AUDIO_QUEUE
from workers.supervision import Supervisor, Supervisors, Tally, stopping_on_signals

URGENT_UPKEEP_QUEUE = "urgent_upkeep"
"""Queue of the periodic tasks that the queue and the counts need each minute; they take seconds at most."""

UPKEEP_QUEUE = "upkeep"
"""Queue of the other periodic tasks, of which some take minutes. Former versions have put the urgent ones here, too."""

OWN_WORKER: Final = (URGENT_UPKEEP_QUEUE, UPKEEP_QUEUE)
"""Queues that have a worker of their own, so that neither work on tracks nor each other's jobs delay theirs."""

_log = logging.getLogger(__name__)

_POLL_SECONDS = 2.0
"""How long a job waits at most where nothing is heard of it."""

_OTHER_THREADS = 5
"""Threads for upkeep and the mirror, beside one for each job on a track."""

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


async def run_worker(  # noqa: PLR0913 - what it works on, and how
    url: str,
    settings: Settings,
    providers: Providers,
    *,
    wait: bool = True,
    handle_signals: bool = False,
    tally: Tally | None = None,
) -> None:
    """Run jobs until told to stop, or, without ``wait``, until none is due.

    Three workers run them: one the jobs on tracks, WORKER_CONCURRENCY at a time, one urgent upkeep, and one all other
    upkeep. The last two run one job at a time.

    Args:
        url: libpq URL of the database.
        settings: Concurrency and limits.
        providers: The services that tasks use.
        wait: Whether to go on waiting for jobs when the queue is empty.
        handle_signals: Whether SIGINT and SIGTERM finish the jobs under way and end the worker. Otherwise the
            caller cancels it, and what is under way goes back to the queue.
        tally: Where the ends of jobs on tracks are counted.

    Raises:
        UserError: The mirror cannot be used with these settings.
    """
    # asyncio's own pool has no more threads than a few for each core: tracks would leave none to upkeep and the mirror
    asyncio.get_running_loop().set_default_executor(
        ThreadPoolExecutor(settings.worker_concurrency + _OTHER_THREADS, "worker")
    )
    # a connection for each job, two for upkeep, and those of the mirror: its lock and its work
    async with Database.open(url, pool_size=settings.worker_concurrency + 4) as database:
        await require_mirror(database, providers.mirror, settings.turbopuffer_namespace)
        server = await database.read_server()
        direct = await _read_direct_url(url, settings)
        listens = direct is not None or not server.pooled
        if not listens:
            _log.warning(
                "DATABASE_URL leads through a pooler, so new jobs are looked for every %g s: set DATABASE_DIRECT_URL "
                "to have them begin at once",
                _POLL_SECONDS,
            )
        connector = QueueConnector(
            url,
            # a connection for each job, two for upkeep, and one for heartbeats
            size=settings.worker_concurrency + 6,
            schema=server.homes().queue,
            direct_url=direct,
            poll_seconds=_POLL_SECONDS,
        )
        # not with_connector, which copies the app: periodic tasks would go on using the original's connector
        with app.replace_connector(connector):
            context = WorkerContext(database, providers, settings)
            await _work(context, wait=wait, listens=listens, handle_signals=handle_signals, tally=tally)


async def _read_direct_url(url: str, settings: Settings) -> str | None:
    """DATABASE_DIRECT_URL, examined where it answers; where it does not, the connector says so and tries again.

    Raises:
        UserError: It leads to another database.
    """
    direct = read_direct_url(settings)
    if direct is not None:
        with suppress(DatabaseUnavailableError):
            await asyncio.to_thread(require_same_database, url, direct)
    return direct


async def _work(
    context: WorkerContext, *, wait: bool, listens: bool, handle_signals: bool, tally: Tally | None
) -> None:
    app.perform_import_paths()  # type: ignore[no-untyped-call]  # procrastinate's own
    others = sorted({AWAITED_AUDIO_QUEUE} | {task.queue for task in app.tasks.values()} - {*OWN_WORKER})
    supervisors = Supervisors(
        Supervisor(
            app,
            wait=wait,
            tally=counted,
            name=name,
            queues=queues,
            concurrency=concurrency,
            **_options(context, listens),
        )
        for name, queues, concurrency, counted in (
            ("tracks", others, context.settings.worker_concurrency, tally),
            *((queue, [queue], 1, None) for queue in OWN_WORKER),
        )
    )
    mirror, base = context.providers.mirror, context.settings.turbopuffer_namespace
    async with _opened(), following(context.database, mirror, base, wait=wait):
        with stopping_on_signals(supervisors) if handle_signals else nullcontext():
            await supervisors.run(wait=wait)


def _options(context: WorkerContext, listens: bool) -> dict[str, Any]:
    """What all workers of this process have in common."""
    return {
        "fetch_job_polling_interval": _POLL_SECONDS,
        "listen_notify": listens,
        "shutdown_graceful_timeout": 30.0,
        "additional_context": {"worker": context},
    }


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
    """Log a job that failed or waits for a known reason as one line; its trace would say nothing more."""
    logging.getLogger("procrastinate.worker").addFilter(_without_known_traces)


def _without_known_traces(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, PermanentJobError | AudioMissingError):
        record.exc_info = None
        record.msg, record.args = f"{record.getMessage()} {error}", ()
    return True
