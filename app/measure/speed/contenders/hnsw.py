"""The nearest vectors alone: what the sound half of a search costs at the least."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from pgvector import HalfVector

from app.database import connect, load_query, load_statement
from app.measure.speed.queries import Query


@dataclass(frozen=True)
class HnswContender:
    """Ids of the twenty nearest listed tracks, by the index and the parameters of search.nearest_tracks.

    Attributes:
        url: Of the database.
    """

    url: str
    name: str = "bare HNSW"
    per_kind: int | None = None

    @contextmanager
    def open(self) -> Iterator["HnswSession"]:
        """One connection that commits each statement by itself."""
        with connect(self.url) as connection:
            connection.autocommit = True
            yield HnswSession(connection)


class HnswSession:
    """One client's connection, with the function's parameters set for the session.

    Args:
        connection: Autocommitting.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        connection.execute("select '[1]'::halfvec")  # a parameter of an extension exists once its library is loaded
        for name, value in connection.execute(load_statement("benchmark_hnsw_settings")).fetchall():
            connection.execute("select set_config(%s, %s, false)", [name, value])
        found = connection.execute("select id, dimensions from search.models where serving").fetchone()
        if found is None:
            raise LookupError("no model serves")
        # the text of the statement names one partition and one cast, else the index is not used
        text = str(load_query("benchmark_nearest")).replace("<partition>", f"embeddings_{found[0]}")
        self.statement = text.replace("<dimensions>", str(found[1])).encode()

    def prepare(self, query: Query) -> tuple[str]:
        """The vector as text."""
        return (HalfVector(query.vector).to_text(),)

    def search(self, prepared: tuple[str]) -> int:
        """The whole round trip, every id fetched."""
        return len(self._connection.execute(self.statement, prepared).fetchall())

    def index(self, query: Query) -> str | None:
        """Name of the index that the plan reads, None when it reads none."""
        plan = "\n".join(
            str(row[0])
            for row in self._connection.execute(b"explain " + self.statement, self.prepare(query)).fetchall()
        )
        return plan.partition("Index Scan using ")[2].split(" ")[0] or None
