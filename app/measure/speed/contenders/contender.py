"""What the benchmark asks of a search that it times."""

from contextlib import AbstractContextManager
from typing import Any, Protocol

from app.measure.speed.queries import Query


class Session(Protocol):
    """One client's open connection or index."""

    def prepare(self, query: Query) -> Any:  # noqa: ANN401 - each contender has parameters of its own
        """What is passed to the search, made outside the time that is measured."""

    def search(self, prepared: Any) -> int:  # noqa: ANN401 - what prepare gave
        """Search and read everything that was found; returns how many rows."""


class Contender(Protocol):
    """A search. It travels to the clients' processes and must be small."""

    @property
    def name(self) -> str:
        """In the report."""

    @property
    def per_kind(self) -> int | None:
        """Queries of each kind that it is asked; None means all. A slow one is asked few."""

    def open(self) -> AbstractContextManager[Session]:
        """Connect; called in each client."""
