"""What the database knows of queue, model and mirror, in the terms of Prometheus."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from app.database import Database
from app.errors import ConnectionsBusyError, DatabaseUnavailableError, StatementTimeoutError
from app.mirror import MirrorState, read_state
from app.processing.queue_state import TaskCounts, read_queue

FRESH_SECONDS = 1.0
"""How old figures may be; Prometheus asks every few seconds."""


@dataclass(frozen=True)
class DatabaseFigures:
    """What was read.

    Attributes:
        reachable: Whether Postgres can be reached.
        metrics: The figures; none where it cannot, or has taken too long.
    """

    reachable: bool
    metrics: list[Metric] = field(default_factory=list)


async def read_figures(database: Database) -> DatabaseFigures:
    """Read the figures, as far as the database gives them."""
    try:
        return DatabaseFigures(reachable=True, metrics=await _read_database(database))
    except (ConnectionsBusyError, StatementTimeoutError):
        return DatabaseFigures(reachable=True)
    except DatabaseUnavailableError:
        return DatabaseFigures(reachable=False)


async def _read_database(database: Database) -> list[Metric]:
    models = await database.all("models_in_use")
    queue = await read_queue(database, 1)
    stale = _stale(await database.all("stale_tables"))
    return [_models(models), *_queue(queue.tasks, datetime.now(UTC)), stale, *_mirror(await read_state(database))]


def _models(rows: Any) -> Metric:  # noqa: ANN401 - rows of `models_in_use`
    found = InfoMetricFamily("vibe_search_model", "The models in use.", labels=["role"])
    for row in rows:
        found.add_metric(["serving" if row.serving else "candidate"], {"identity": row.identity})
    return found


def _queue(tasks: list[TaskCounts], now: datetime) -> Iterator[Metric]:
    states = ("waiting", "retrying", "awaiting_audio", "running", "failed")
    jobs = GaugeMetricFamily("vibe_search_queue_jobs", "Jobs, by what they wait for.", labels=["task", "state"])
    oldest = GaugeMetricFamily(
        "vibe_search_queue_oldest_seconds", "How long ago the oldest unfinished job was enqueued.", labels=["task"]
    )
    # one task may have jobs of several priorities
    for name in sorted({task.task for task in tasks}):
        mine = [task for task in tasks if task.task == name]
        for state in states:
            jobs.add_metric([name, state], sum(getattr(task, state) for task in mine))
        since = [task.oldest for task in mine if task.oldest is not None]
        oldest.add_metric([name], (now - min(since)).total_seconds() if since else 0.0)
    yield jobs
    yield oldest


def _stale(rows: Any) -> Metric:  # noqa: ANN401 - rows of `stale_tables`
    found = GaugeMetricFamily(
        "vibe_search_stale_table",
        "1 for each table of an adopted catalogue that search cannot follow in the usual way.",
        labels=["table", "followed"],
    )
    for row in rows:
        found.add_metric([row.table_name, "yes" if row.followed else "no"], 1.0)
    return found


def _mirror(state: MirrorState) -> Iterator[Metric]:
    figures = {
        "mirror_serving": ("Whether a namespace of the mirror serves.", state.namespace is not None),
        "mirror_changes": ("Tracks that the mirror has yet to be told about.", state.changes),
        "mirror_refused": ("Those of them that it will not take.", state.refused),
        "mirror_lag_seconds": ("How long the oldest of the others waits.", state.lag.total_seconds()),
        "mirror_failing": ("Whether the last attempt to tell it failed.", state.failure is not None),
        "mirror_differences": ("What the last comparison with the catalogue found.", state.differences or 0),
    }
    for name, (text, value) in figures.items():
        yield GaugeMetricFamily(f"vibe_search_{name}", text, value=float(value))
