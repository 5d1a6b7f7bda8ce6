"""Genres of a track as tags that it might get; classified while somebody waits, where that was not done yet."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from app.catalogue.track_record import LARGEST_ID
from app.database import Database

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class RecommendedTags:
    """What a track might be tagged with.

    Attributes:
        visible: Whether the viewer who asked may see the track.
        classified: Whether its present audio was.
        pending: Whether it is going to be.
        tags: `name` and `score` of each, the surest first, without those that the track has.
    """

    visible: bool
    classified: bool
    pending: bool
    tags: list[dict[str, Any]]


async def read_recommended_tags(
    database: Database, track_id: int, limit: int, viewer: str | None
) -> RecommendedTags | None:
    """What is known now; None where there is no such track.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    if track_id > LARGEST_ID:
        return None
    row = await database.one_or_none("recommended_tags", {"track_id": track_id, "most": limit, "viewer": viewer})
    return None if row is None else RecommendedTags(**row._asdict())


async def await_recommended_tags(  # noqa: PLR0913 - whose, of what, how many, and how long
    database: Database, track_id: int, limit: int, viewer: str | None, seconds: float, *, writes: Database
) -> RecommendedTags | None:
    """Have a track classified, and wait a while for it; no connection is held meanwhile.

    Args:
        database: The database.
        track_id: The track.
        limit: Tags at most.
        viewer: DID of who asks; None where that is not known.
        seconds: How long to wait.
        writes: The same database, for what enqueues the job.

    Returns:
        What there is then: nothing where it took longer, or failed.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
    async with writes.transaction() as transaction:
        wanted = await transaction.scalar("request_genres", {"track_id": track_id})
    found = await read_recommended_tags(database, track_id, limit, viewer)
    while wanted and found is not None and found.pending and not found.classified and time.monotonic() < deadline:
        await asyncio.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        found = await read_recommended_tags(database, track_id, limit, viewer)
    return found
