"""How the mirror is: for people, for machines, for health checks."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.database import Database


@dataclass(frozen=True)
class MirrorState:
    """One row of search.mirror_lag.

    Attributes:
        namespace: The one that serves; None while there is none.
        model: Identity of its model.
        filling: The one that is being filled, if one is.
        filled_tracks: How many tracks are there by now.
        changes: Tracks that the mirror has to be told about.
        refused: Those of them that it will not take.
        lag: How long the oldest of the others waits.
        wanted: Whether there is to be a mirror.
        drained_at: When it was last up to date.
        failure: Why the last attempt failed; None when it did not.
        failing_since: Since when all have failed.
        checked_at: When it was last compared.
        differences: What that found.
    """

    namespace: str | None
    model: str | None
    filling: str | None
    filled_tracks: int | None
    changes: int
    refused: int
    lag: timedelta
    wanted: bool
    drained_at: datetime | None
    failure: str | None
    failing_since: datetime | None
    checked_at: datetime | None
    differences: int | None


async def read_state(database: Database) -> MirrorState:
    """The state of the mirror.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    return MirrorState(**(await database.one("mirror_state"))._asdict())


async def count_tracks(database: Database) -> int:
    """How many documents a mirror of the serving model should hold.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    number: int = await database.scalar("mirror_count_tracks")
    return number
