"""vibe-search itself: the one statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from pgvector import HalfVector

from app.database import connect
from app.measure.speed.queries import Query

STATEMENT = b"select * from search.unified(%s, %s::halfvec)"
"""All five types, twenty of each."""


@dataclass(frozen=True)
class UnifiedContender:
    """search.unified with a vector, all five types, the default limit.

    Attributes:
        url: Of the database.
    """

    url: str
    name: str = "vibe-search"
    per_kind: int | None = None

    @contextmanager
    def open(self) -> Iterator["UnifiedSession"]:
        """One connection that commits each statement by itself, as the web process's do."""
        with connect(self.url) as connection:
            connection.autocommit = True
            yield UnifiedSession(connection)


class UnifiedSession:
    """One client's connection.

    Args:
        connection: Autocommitting.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def prepare(self, query: Query) -> tuple[str, str]:
        """The text, and the vector as text, which is how the web process sends it."""
        return query.text, HalfVector(query.vector).to_text()

    def search(self, prepared: tuple[str, str]) -> int:
        """The whole round trip, every row fetched."""
        return len(self._connection.execute(STATEMENT, prepared).fetchall())
