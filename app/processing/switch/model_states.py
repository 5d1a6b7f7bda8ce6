"""How far each model of a database is: which one serves, which one is next, and what is missing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from app.database import Database
from app.processing.failures import TrackFailure

Role: TypeAlias = Literal["serving", "candidate", "retired"]

MOST_FAILURES = 100
"""Failed tracks that are listed; the count is of all."""


@dataclass(frozen=True)
class ModelState:
    """A model that has a store.

    Attributes:
        identity: The model's identity.
        name: Its name in the manifest.
        dimensions: Length of its vectors.
        role: It serves, is the candidate to serve next, or has retired.
        tracks: Tracks in the catalogue.
        embedded: Those with a vector of their present audio.
        undecodable: Those whose audio cannot be decoded.
        failed: Those that failed otherwise; they can be tried again.
        coverage: Share embedded of those that can be decoded, 0 to 1.
        coverage_wanted: The share at which a candidate begins to serve.
        requested_at: When it became the candidate.
        served_at: When it began to serve, the last time.
        retired_at: When another took its place.
    """

    identity: str
    name: str
    dimensions: int
    role: Role
    tracks: int
    embedded: int
    undecodable: int
    failed: int
    coverage: float
    coverage_wanted: float
    requested_at: datetime | None
    served_at: datetime | None
    retired_at: datetime | None


async def read_model_states(database: Database) -> list[ModelState]:
    """Every model that has a store: the serving one, the candidate, then those that have retired.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    return [_state(row) for row in await database.all("model_states")]


async def read_failures(database: Database, identity: str) -> list[TrackFailure]:
    """The tracks that failed in a model, at most MOST_FAILURES; those that can be tried again come before others.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    parameters = {"identity": identity, "most": MOST_FAILURES}
    rows = await database.all("model_failures", parameters)
    return [TrackFailure(**row._asdict()) for row in rows]


def _state(row: Any) -> ModelState:  # noqa: ANN401 - a row of `model_states`
    role: Role = "serving" if row.serving else "candidate" if row.candidate else "retired"
    return ModelState(
        identity=row.identity,
        name=row.name,
        dimensions=row.dimensions,
        role=role,
        tracks=row.tracks,
        embedded=row.embedded,
        undecodable=row.undecodable,
        failed=row.failed,
        coverage=row.coverage,
        coverage_wanted=row.coverage_wanted,
        requested_at=row.requested_at,
        served_at=row.served_at,
        retired_at=row.retired_at,
    )
