"""Which tracks lack a result, and enqueueing their jobs."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.database import guard_connection, load_query

_ENQUEUE = {
    "embed_track": "select search.enqueue_missing_embeddings(:identity, most => :most, permanent => :permanent)",
    "classify_genres": "select search.enqueue_missing_genres(most => :most, permanent => :permanent)",
}


@dataclass(frozen=True)
class Backfill:
    """What is to be filled in.

    Attributes:
        task: `embed_track` or `classify_genres`.
        identity: The model that embeds; None for the other task.
        limit: Tracks at most, those that have not failed yet first, then by id; None for all.
        retry_failed: Whether audio that could not be decoded is tried again.
    """

    task: str
    identity: str | None = None
    limit: int | None = None
    retry_failed: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """What the queries of a backfill take."""
        return {
            "task": self.task,
            "identity": self.identity,
            "permanent": self.retry_failed,
            "most": self.limit,
        }


@dataclass(frozen=True)
class EligibleTrack:
    """A track that lacks the result.

    Attributes:
        track_id: Its id.
        title: What it is called.
        artist: Who made it.
        enqueued: Whether a job for it waits or runs.
        failed: Whether an attempt has failed.
    """

    track_id: int
    title: str
    artist: str
    enqueued: bool
    failed: bool


@dataclass(frozen=True)
class Preview:
    """What a backfill would do.

    Attributes:
        eligible: Tracks that lack the result, whatever the limit.
        tracks: The first of them.
    """

    eligible: int
    tracks: list[EligibleTrack]


async def read_preview(engine: AsyncEngine, backfill: Backfill, *, most: int) -> Preview:
    """Look without changing anything.

    Args:
        engine: The database.
        backfill: What is to be filled in.
        most: How many tracks to list, beside the backfill's own limit.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    listed = most if backfill.limit is None else backfill.limit
    with guard_connection():
        async with engine.connect() as connection:
            found = await connection.execute(load_query("backfill_preview"), {**backfill.parameters, "most": listed})
            rows = [dict(row) for row in found.mappings()]
    totals = [row.pop("eligible") for row in rows]
    return Preview(totals[0] if totals else 0, [EligibleTrack(**row) for row in rows])


async def list_tracks(engine: AsyncEngine, backfill: Backfill) -> list[int]:
    """Ids of the tracks that a backfill takes, in its order.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with guard_connection():
        async with engine.connect() as connection:
            return [track for track, _ in await _list(connection, backfill)]


async def enqueue(engine: AsyncEngine, backfill: Backfill) -> tuple[int, dict[int, int]]:
    """Enqueue the jobs that are missing.

    Returns:
        How many were enqueued, and the job of each track that the backfill takes, also where it was there before.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with guard_connection():
        # one transaction: no worker can have finished a job before it was listed
        async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
            enqueued = (await connection.execute(text(_ENQUEUE[backfill.task]), backfill.parameters)).scalar_one()
            jobs = {track: job for track, job in await _list(connection, backfill) if job is not None}
    return enqueued, jobs


async def _list(connection: AsyncConnection, backfill: Backfill) -> list[tuple[int, int | None]]:
    rows = await connection.execute(load_query("backfill_targets"), backfill.parameters)
    return [(row.track_id, row.job_id) for row in rows]
