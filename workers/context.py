"""What a worker hands to its tasks."""

from dataclasses import dataclass
from typing import cast

from procrastinate import JobContext

from app.database import Database
from app.providers import Providers
from app.settings import Settings


@dataclass(frozen=True)
class WorkerContext:
    """What tasks find in ``context.additional_context["worker"]``.

    Attributes:
        database: The database.
        providers: The services.
        settings: Limits and intervals.
    """

    database: Database
    providers: Providers
    settings: Settings


def worker_context(context: JobContext) -> WorkerContext:
    """What the worker of a job handed to its tasks."""
    return cast("WorkerContext", context.additional_context["worker"])
