"""Which tracks lack a result, and enqueueing their jobs."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from app.database import Database, Session

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


async def read_preview(database: Database, backfill: Backfill, *, most: int) -> Preview:
    """Look without changing anything.

    Args:
        database: The database.
        backfill: What is to be filled in.
        most: How many tracks to list, beside the backfill's own limit.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    listed = most if backfill.limit is None else backfill.limit
    found = await database.all("backfill_preview", {**backfill.parameters, "most": listed})
    rows = [row._asdict() for row in found]
    totals = [row.pop("eligible") for row in rows]
    return Preview(totals[0] if totals else 0, [EligibleTrack(**row) for row in rows])


async def list_tracks(database: Database, backfill: Backfill) -> list[int]:
    """Ids of the tracks that a backfill takes, in its order.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    return [track for track, _ in await _list(database, backfill)]


async def enqueue(database: Database, backfill: Backfill) -> tuple[int, dict[int, int]]:
    """Enqueue the jobs that are missing.

    Returns:
        How many were enqueued, and the job of each track that the backfill takes, also where it was there before.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    # one transaction: no worker can have finished a job before it was listed
    async with database.transaction() as transaction:
        enqueued: int = await transaction.scalar(text(_ENQUEUE[backfill.task]), backfill.parameters)
        jobs = {track: job for track, job in await _list(transaction, backfill) if job is not None}
    return enqueued, jobs


async def _list(session: Session, backfill: Backfill) -> list[tuple[int, int | None]]:
    return [(row.track_id, row.job_id) for row in await session.all("backfill_targets", backfill.parameters)]
