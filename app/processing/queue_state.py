"""The job queue as people look at it: what waits, what runs, what failed and why."""

from dataclasses import dataclass
from datetime import datetime

from app.database import Database
from app.processing.failures import TrackFailure


@dataclass(frozen=True)
class TaskCounts:
    """The jobs of one task at one priority.

    Attributes:
        task: Its name.
        priority: Higher ones run first; 0 is an upload's.
        waiting: Jobs that are due.
        retrying: Jobs that failed, and wait for their next attempt.
        running: Jobs that a worker has begun.
        failed: Jobs that were given up.
        cancelled: Jobs that were cancelled.
        done_last_minute: Jobs that ended well in the last minute.
        done_last_hour: The same in the last hour.
        oldest: When the oldest unfinished job was enqueued; those that wait for their audio are left out.
        awaiting_audio: Jobs that wait for audio which the store does not have yet.
    """

    task: str
    priority: int
    waiting: int
    retrying: int
    running: int
    failed: int
    cancelled: int
    done_last_minute: int
    done_last_hour: int
    oldest: datetime | None
    awaiting_audio: int


@dataclass(frozen=True)
class QueueState:
    """The whole queue.

    Attributes:
        tasks: By task and priority, those that run first at the top.
        failures: The latest.
        all_failures: How many there are.
    """

    tasks: list[TaskCounts]
    failures: list[TrackFailure]
    all_failures: int


async def read_queue(database: Database, most_failures: int) -> QueueState:
    """Look at the queue.

    Args:
        database: The database.
        most_failures: How many failures to list.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    counts = await database.all("queue_counts")
    failures = [row._asdict() for row in await database.all("queue_failures", {"most": most_failures})]
    totals = [row.pop("all_failures") for row in failures]
    return QueueState(
        [TaskCounts(**row._asdict()) for row in counts],
        [TrackFailure(**row) for row in failures],
        totals[0] if totals else 0,
    )
