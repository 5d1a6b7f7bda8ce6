"""tantivy: names in an index of its own in this process, with fuzzy terms; no popularity, no sound."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg

from app.database import load_statement
from app.measure.speed.queries import Query
from app.measure.speed.stages import Stages

_LIMIT = 20
_TWO_EDITS = 8
_ONE_EDIT = 4


@dataclass(frozen=True)
class TantivyContender:
    """All words must occur, each misspelt by as much as search.unified forgives, the last one perhaps only begun.

    Attributes:
        folder: Where build_tantivy put the index.
    """

    folder: Path
    name: str = "tantivy, fuzzy"
    per_kind: int | None = None

    @contextmanager
    def open(self) -> Iterator["TantivySession"]:
        """Map the index into memory."""
        yield TantivySession(import_module("tantivy"), self.folder)


class TantivySession:
    """One client's reader.

    Args:
        library: The module.
        folder: Of the index.
    """

    def __init__(self, library: Any, folder: Path) -> None:  # noqa: ANN401 - a module without types
        self._library = library
        index = library.Index.open(str(folder))
        self._schema = index.schema
        self._searcher = index.searcher()

    def prepare(self, query: Query) -> list[str]:
        """The words, as the index has them."""
        return re.findall(r"\w+", query.text.lower())

    def search(self, prepared: list[str]) -> int:
        """Parse, search, and read the labels."""
        fuzzy, must = self._library.Query.fuzzy_term_query, self._library.Occur.Must
        terms = [
            (must, fuzzy(self._schema, "label", word, distance=_edits(word), prefix=place == len(prepared)))
            for place, word in enumerate(prepared, start=1)
        ]
        hits = self._searcher.search(self._library.Query.boolean_query(terms), _LIMIT).hits
        return len([self._searcher.doc(address)["label"] for _, address in hits])


def build_tantivy(connection: psycopg.Connection[Any], folder: Path, stages: Stages) -> None:
    """Index every name that everybody may find, into an empty folder."""
    tantivy = import_module("tantivy")
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("kind", stored=True, tokenizer_name="raw")
    builder.add_text_field("label", stored=True)
    index = tantivy.Index(builder.build(), str(folder))
    writer = index.writer()
    with stages.stage("tantivy"), connection.cursor("names") as cursor:
        for kind, label in cursor.execute(load_statement("benchmark_names")):
            writer.add_document(tantivy.Document(kind=kind, label=label))
        writer.commit()
        writer.wait_merging_threads()
    connection.rollback()


def _edits(word: str) -> int:
    if len(word) >= _TWO_EDITS:
        return 2
    return 1 if len(word) >= _ONE_EDIT else 0
