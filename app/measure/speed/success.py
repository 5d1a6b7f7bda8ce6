"""Whether what was looked for is found: known items by name, and the nearest tracks by sound."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from pgvector import HalfVector

from app.database import load_statement
from app.measure.speed.build import Built
from app.measure.speed.contenders.unified import STATEMENT
from app.measure.speed.queries import Query
from app.measure.speed.stages import Stages

Connection = psycopg.Connection[Any]

DEPTHS = {
    "exact title": 1, "5 letters": 5, "8 letters": 5, "begun title": 5, "one typo": 5, "two typos": 5, "artist name": 1,
}  # fmt: skip
"""Among how many first rows the item must be, by kind of query."""


@dataclass(frozen=True)
class Success:
    """How often the item was found.

    Attributes:
        kind: Of the queries.
        depth: Among so many first rows of the answer, whatever their type.
        queries: How many.
        found: In how many answers.
    """

    kind: str
    depth: int
    queries: int
    found: int

    @property
    def rate(self) -> float:
        """0 to 1."""
        return self.found / self.queries

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"rate": self.rate}


def measure_success(connection: Connection, mix: Sequence[Query], stages: Stages) -> list[Success]:
    """Ask every query that looks for something. A row of the same label counts as what is looked for."""
    asked = {kind: [query for query in mix if query.kind == kind and query.item is not None] for kind in DEPTHS}
    measured = []
    with stages.stage("known items", sum(map(len, asked.values()))) as advance:
        for kind, queries in asked.items():
            hits = []
            for query in queries:
                hits.append(_finds(connection, query))
                advance(1)
            if hits:
                measured.append(Success(kind, DEPTHS[kind], len(hits), sum(hits)))
    return measured


def _finds(connection: Connection, query: Query) -> bool:
    parameters = [query.text, HalfVector(query.vector).to_text()]
    rows = connection.execute(STATEMENT, parameters).fetchmany(DEPTHS[query.kind])
    return str(query.item).casefold() in {str(row[1]).casefold() for row in rows}


def measure_recall(connection: Connection, built: Built, count: int, stages: Stages) -> float:
    """Share of the 20 truly nearest tracks that search.nearest_tracks finds, mean over ``count`` vectors."""
    shares = []
    with stages.stage("recall", count) as advance:
        for vector in built.space.descriptions(count):
            text = HalfVector(vector).to_text()
            rows = connection.execute(
                "select track_id from search.nearest_tracks(%s::halfvec, null, 20)", [text]
            ).fetchall()
            with connection.transaction():
                connection.execute("set local enable_indexscan = off")
                exact = connection.execute(load_statement("benchmark_exact_nearest"), {"vector": text}).fetchall()
            shares.append(len(set(rows) & set(exact)) / len(exact))
            advance(1)
    return sum(shares) / len(shares)
