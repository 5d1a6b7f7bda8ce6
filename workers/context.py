"""What a worker hands to its tasks."""

from dataclasses import dataclass
from typing import cast

from procrastinate import JobContext
from sqlalchemy.ext.asyncio import AsyncEngine

from app.providers import Providers
from app.settings import Settings


@dataclass(frozen=True)
class WorkerContext:
    """What tasks find in ``context.additional_context["worker"]``.

    Attributes:
        engine: The database.
        providers: The services.
        settings: Limits and intervals.
    """

    engine: AsyncEngine
    providers: Providers
    settings: Settings


def worker_context(context: JobContext) -> WorkerContext:
    """What the worker of a job handed to its tasks."""
    return cast("WorkerContext", context.additional_context["worker"])
