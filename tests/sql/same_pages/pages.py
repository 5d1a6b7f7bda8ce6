"""Asking for pages, keeping them as a line each, and saying what differs."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg

from app.database import connect, migrate
from tests.sql.same_pages.catalogue import MODEL, load_catalogue, make_catalogue
from tests.sql.same_pages.queries import Query, make_queries

Connection = psycopg.Connection[tuple[object, ...]]

GOLDEN = Path(__file__).with_name("pages.tsv")
"""A line a query: digests of its page and, for some, of the explanation; how many rows; the first ones; the query."""

_EXPLAINED = 13
"""Every so many queries are also explained."""

_SHOWN = 8
"""First rows of a page that are recorded beside its digest."""

_UNIFIED: LiteralString = """
select u.type, replace(u.key, 'did:plc:', ''), u.tier, u.matched, round(u.relevance::numeric, 4),
       round(u.confidence::numeric, 4)
from search.unified(
    %(q)s, %(vector)s::halfvec, %(viewer)s, %(types)s, %(most)s, %(audibility)s, %(min)s, %(candidates)s) as u
"""

_EXPLAIN: LiteralString = """
select e.rank, e.type, e.key, e.tier, e.signal, e.signal_tier, e.signal_class, e.signal_rank,
       round(e.value::numeric, 4), round(e.confidence::numeric, 4), round(e.popularity::numeric, 4)
from search.explain(%(q)s, %(vector)s::halfvec, %(viewer)s, %(types)s, %(most)s, %(audibility)s, %(min)s) as e
"""

_LETTERS = {"track": "t", "artist": "a", "album": "b", "tag": "g", "playlist": "p"}


@dataclass(frozen=True)
class Page:
    """What one query finds.

    Attributes:
        query: The query.
        rows: Type, key, tier, what matched, relevance and confidence, each row as text.
        explained: Digest of what search.explain says; empty where it was not asked.
    """

    query: Query
    rows: list[str]
    explained: str

    @property
    def line(self) -> str:
        """The page as it is recorded."""
        first = " ".join(_code(row) for row in self.rows[:_SHOWN])
        return "\t".join([_digest(self.rows), self.explained, str(len(self.rows)), first, str(self.query)[:90]])


def prepare(url: str) -> None:
    """Make the catalogue in an empty database."""
    migrate(url, MODEL)
    with connect(url) as connection:
        load_catalogue(connection, make_catalogue())


def read_pages(url: str) -> Iterator[Page]:
    """What every query finds, in a database that was prepared."""
    with connect(url) as connection:
        connection.autocommit = True
        for number, query in enumerate(make_queries(make_catalogue())):
            asked = arguments(query)
            rows = _rows(connection, _UNIFIED, asked)
            explained = _digest(_rows(connection, _EXPLAIN, asked)) if number % _EXPLAINED == 0 else ""
            yield Page(query, rows, explained)


def arguments(query: Query) -> dict[str, object]:
    """Parameters of the statements above."""
    return {
        "q": query.q, "vector": query.vector, "viewer": query.viewer, "types": query.types and list(query.types),
        "most": query.most, "audibility": query.audibility, "min": query.min_confidence,
        "candidates": query.candidates and list(query.candidates),
    }  # fmt: skip


def describe_differences(pages: list[Page], recorded: list[str]) -> str | None:
    """The first query whose page is another than was recorded, with both as far as they are known; None if none is."""
    if len(pages) != len(recorded):
        return f"{len(pages)} queries were asked, {len(recorded)} are recorded"
    differing = [(page, line) for page, line in zip(pages, recorded, strict=True) if page.line != line]
    if not differing:
        return None
    page, line = differing[0]
    digest, explained, count, first, text = line.split("\t")
    kinds = ", ".join(f"{kind} {count}" for kind, count in Counter(page.query.kind for page, _ in differing).items())
    said = "the page" if digest != _digest(page.rows) else "only what search.explain says"
    return "\n".join([
        f"{len(differing)} of {len(pages)} pages differ ({kinds}). The first, in {said}:",
        f"  {page.query} {page.query.vector or ''}",
        f"recorded: {count} rows, {digest} {explained}, {text}",
        *(f"  {code}" for code in first.split(" ")),
        f"found: {page.line}",
        *(f"  {_code(row):10} {row}" for row in page.rows),
    ])  # fmt: skip


def _rows(connection: Connection, statement: LiteralString, asked: dict[str, object]) -> list[str]:
    return [" ".join(map(str, row)) for row in connection.execute(statement, asked).fetchall()]


def _digest(rows: list[str]) -> str:
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:10]


def _code(row: str) -> str:
    """Type, key and tier in a few letters: ``t123e`` is a track that matched exactly."""
    kind, key, tier = row.split(" ")[:3]
    return f"{_LETTERS[kind]}{key.removeprefix('a')}{'~' if tier == 'sound' else tier[0]}"
