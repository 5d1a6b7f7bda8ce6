"""vibe-search worker."""

import asyncio
from typing import Annotated

import typer
from prometheus_client import start_http_server

from app.database import open_for_application, require_writable
from app.errors import UserError
from app.observability.log import configure_service_log
from app.observability.tracing import configure_tracing
from app.providers import build_providers
from app.settings import get_settings
from services.metrics import PROCESS
from workers.app import quieten_job_log, run_worker


def worker(
    drain: Annotated[bool, typer.Option("--drain", help="Stop when no job is due any more.")] = False,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=256, help="Jobs at the same time (WORKER_CONCURRENCY).")
    ] = None,
) -> None:
    """Run the jobs that embed and classify tracks.

    Each job under way takes a thread, a decoder process of about 50 MB and the memory of the models, which all share.
    SIGTERM and Ctrl-C let the jobs under way finish, for 30 s; what is not finished then goes back to the queue. What
    a killed worker had begun is given back by another within two minutes. When Postgres goes away, the worker waits
    for it and goes on.

    Examples:
      vibe-search worker --concurrency 4

      vibe-search worker --drain
    """
    settings = get_settings()
    if concurrency is not None:
        settings = settings.model_copy(update={"worker_concurrency": concurrency})
    configure_service_log(settings)
    configure_tracing("vibe-search-worker")
    if settings.worker_metrics_port:
        _show_metrics(settings.worker_metrics_port)
    quieten_job_log()
    with open_for_application(settings) as url:
        require_writable(url)
        asyncio.run(run_worker(url, settings, build_providers(settings), wait=not drain, handle_signals=True))


def _show_metrics(port: int) -> None:
    try:
        start_http_server(port, registry=PROCESS)
    except OSError as error:
        raise UserError(f"WORKER_METRICS_PORT={port} cannot be listened on: {error.strerror}") from error
