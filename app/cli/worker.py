"""vibe-search worker."""

import asyncio

from prometheus_client import start_http_server

from app.cli.drain import drain_queue
from app.database import open_for_application, require_writable
from app.errors import UserError
from app.observability.log import configure_service_log
from app.observability.tracing import configure_tracing
from app.providers import build_providers
from app.settings import get_settings
from services.metrics import PROCESS
from workers.app import quieten_job_log, run_worker


def worker(*, drain: bool, concurrency: int | None) -> None:
    """Run the jobs that embed and classify tracks."""
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
        providers = build_providers(settings)
        if drain:
            drain_queue(url, settings, providers)
        else:
            asyncio.run(run_worker(url, settings, providers, handle_signals=True))


def _show_metrics(port: int) -> None:
    try:
        start_http_server(port, registry=PROCESS)
    except OSError as error:
        raise UserError(f"WORKER_METRICS_PORT={port} cannot be listened on: {error.strerror}") from error
