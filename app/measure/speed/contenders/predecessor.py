"""The search that vibe-search replaces, in its two modes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from app.database import connect
from app.measure.predecessor import Predecessor
from app.measure.speed.queries import Query

PER_KIND = 3
"""Its search by name reads every table whole: at a million tracks one query takes seconds."""


@dataclass(frozen=True)
class PredecessorContender:
    """One mode of the search that vibe-search replaces, as it is since August 2026.

    Attributes:
        url: Of the database.
        name: In the report.
        by_sound: Whether it is the mood mode (the vector query with its hydration) or else the keyword mode (five
            statements).
        per_kind: Queries of each kind.
    """

    url: str
    name: str = "predecessor by name"
    by_sound: bool = False
    per_kind: int | None = PER_KIND

    @contextmanager
    def open(self) -> Iterator["PredecessorSession"]:
        """One connection that commits each statement by itself."""
        with connect(self.url) as connection:
            connection.autocommit = True
            yield PredecessorSession(Predecessor(connection), by_sound=self.by_sound)


class PredecessorSession:
    """One client's connection.

    Args:
        predecessor: On its own connection.
        by_sound: Which mode.
    """

    def __init__(self, predecessor: Predecessor, *, by_sound: bool) -> None:
        self._predecessor = predecessor
        self._by_sound = by_sound

    def prepare(self, query: Query) -> Any:  # noqa: ANN401 - a text or a vector
        """The text or the vector."""
        return query.vector if self._by_sound else query.text

    def search(self, prepared: Any) -> int:  # noqa: ANN401 - a text or a vector
        """All of its round trips."""
        if self._by_sound:
            return len(self._predecessor.semantic(prepared, 20))
        return len(self._predecessor.keyword(prepared, 20))
