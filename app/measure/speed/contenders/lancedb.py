"""LanceDB: titles and vectors in a table of its own in this process, one hybrid query."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from app.database import load_statement
from app.measure.speed.build import Built
from app.measure.speed.queries import Query
from app.measure.speed.stages import Stages

_LIMIT = 20
_CHUNK = 20_000
_TABLE = "tracks"


@dataclass(frozen=True)
class LanceContender:
    """Full text over titles and the nearest vectors, merged by reciprocal rank; twenty tracks.

    Attributes:
        folder: Where build_lancedb put the table.
    """

    folder: Path
    name: str = "LanceDB hybrid"
    per_kind: int | None = None

    @contextmanager
    def open(self) -> Iterator["LanceSession"]:
        """Open the table."""
        os.environ.setdefault("LANCEDB_LOG", "error")  # it warns at every query of what a later version will do
        yield LanceSession(import_module("lancedb").connect(str(self.folder)).open_table(_TABLE))


class LanceSession:
    """One client's table.

    Args:
        table: Of LanceDB.
    """

    def __init__(self, table: Any) -> None:  # noqa: ANN401 - a library that may be absent
        self._table = table

    def prepare(self, query: Query) -> Query:
        """The query as it is."""
        return query

    def search(self, prepared: Query) -> int:
        """One hybrid query, its rows read."""
        search = self._table.search(query_type="hybrid").vector(prepared.vector).text(prepared.text)
        return int(search.limit(_LIMIT).select(["id", "title"]).to_arrow().num_rows)


def build_lancedb(connection: psycopg.Connection[Any], built: Built, folder: Path, stages: Stages) -> None:
    """Copy titles and vectors into an empty folder and index both; the vectors by HNSW within IVF cells."""
    lancedb, arrow = import_module("lancedb"), import_module("pyarrow")
    index = import_module("lancedb.index")
    vector = arrow.list_(arrow.float32(), built.space.dimensions)
    schema = arrow.schema([("id", arrow.int64()), ("title", arrow.string()), ("vector", vector)])
    with stages.stage("LanceDB rows"):
        table = lancedb.connect(str(folder)).create_table(
            _TABLE, _batches(connection, built, arrow, schema), schema=schema
        )
    connection.rollback()
    with stages.stage("LanceDB text index"):
        table.create_index("title", config=index.FTS(stem=False, remove_stop_words=False))
    with stages.stage("LanceDB vector index"):
        table.create_index("vector", config=index.HnswSq(distance_type="cosine"))


def _batches(connection: psycopg.Connection[Any], built: Built, arrow: Any, schema: Any) -> Iterator[Any]:  # noqa: ANN401
    space, size = built.space, built.sizes.tracks
    with connection.cursor("titles") as cursor:
        cursor.execute(load_statement("benchmark_titles"))
        for start in range(0, size, _CHUNK):
            titles = [row[0] for row in cursor.fetchmany(min(_CHUNK, size - start))]
            vectors = arrow.FixedSizeListArray.from_arrays(
                space.recordings(start, len(titles)).ravel(), space.dimensions
            )
            ids = np.arange(start + 1, start + 1 + len(titles))
            yield arrow.RecordBatch.from_arrays([arrow.array(ids), arrow.array(titles), vectors], schema=schema)
