"""Genres of a track as tags that it might get; classified while somebody waits, where that was not done yet."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from app.catalogue.track_record import LARGEST_ID
from app.database import guard_connection, load_query

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class RecommendedTags:
    """What a track might be tagged with.

    Attributes:
        visibility: Of the track.
        artist_did: Whose it is.
        classified: Whether its present audio was.
        pending: Whether it is going to be.
        tags: `name` and `score` of each, the surest first, without those that the track has.
    """

    visibility: str
    artist_did: str
    classified: bool
    pending: bool
    tags: list[dict[str, Any]]


async def read_recommended_tags(engine: AsyncEngine, track_id: int, limit: int) -> RecommendedTags | None:
    """What is known now; None where there is no such track.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    if track_id > LARGEST_ID:
        return None
    values = {"track_id": track_id, "most": limit}
    with guard_connection():
        async with engine.connect() as connection:
            row = (await connection.execute(load_query("recommended_tags"), values)).mappings().one_or_none()
    return None if row is None else RecommendedTags(**row)


async def await_recommended_tags(
    engine: AsyncEngine, track_id: int, limit: int, seconds: float
) -> RecommendedTags | None:
    """Have a track classified, and wait a while for it; no connection is held meanwhile.

    Args:
        engine: The database.
        track_id: The track.
        limit: Tags at most.
        seconds: How long to wait.

    Returns:
        What there is then: nothing where it took longer, or failed.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
    with guard_connection():
        async with engine.connect() as connection:
            wanted = (await connection.execute(load_query("request_genres"), {"track_id": track_id})).scalar_one()
    found = await read_recommended_tags(engine, track_id, limit)
    while wanted and found is not None and found.pending and not found.classified and time.monotonic() < deadline:
        await asyncio.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        found = await read_recommended_tags(engine, track_id, limit)
    return found
