"""What became of the tracks of a backfill."""

from collections.abc import Collection
from dataclasses import dataclass, field

from app.database import Database
from app.processing.backfill.targets import Backfill


@dataclass(frozen=True)
class Reason:
    """Why tracks have no result.

    Attributes:
        outcome: `undecodable` or `failed`.
        reason: Why, in words.
        tracks: How many.
        example: Id of one of them.
    """

    outcome: str
    reason: str
    tracks: int
    example: int


@dataclass(frozen=True)
class Outcomes:
    """Tracks by what became of them.

    Attributes:
        done: They have the result.
        undecodable: Their audio cannot be decoded; it is not tried again.
        failed: The last attempt failed; another may not.
        left: Nothing was tried: cancelled, or not come to.
        gone: They were deleted meanwhile.
        reasons: The most frequent ones.
    """

    done: int = 0
    undecodable: int = 0
    failed: int = 0
    left: int = 0
    gone: int = 0
    reasons: list[Reason] = field(default_factory=list)


@dataclass(frozen=True)
class BackfillResult:
    """A backfill that has ended.

    Attributes:
        task: `embed_track` or `classify_genres`.
        model: Identity of the model that embeds; None for the other task.
        inline: Whether this process did the work.
        eligible: Tracks that lacked the result, as far as the limit allowed.
        enqueued: Jobs that were enqueued; the others were in the queue already.
        outcomes: What became of the tracks.
        seconds: How long it took.
    """

    task: str
    model: str | None
    inline: bool
    eligible: int
    enqueued: int
    outcomes: Outcomes
    seconds: float

    @property
    def rate(self) -> float:
        """Tracks that were done, a second."""
        return self.outcomes.done / self.seconds if self.seconds else 0.0

    @property
    def complete(self) -> bool:
        """Whether running it again would find nothing to do."""
        return not (self.outcomes.failed or self.outcomes.left)


async def read_outcomes(database: Database, backfill: Backfill, tracks: Collection[int]) -> Outcomes:
    """Look what became of some tracks.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    parameters = {**backfill.parameters, "tracks": list(tracks)}
    rows = await database.all("backfill_outcomes", parameters)
    counts = {row.outcome: row.in_all for row in rows}
    reasons = [Reason(row.outcome, row.reason, row.tracks, row.example) for row in rows if row.reason is not None]
    return Outcomes(**counts, reasons=reasons)
