"""What is compared: the objects of a database, its documents, what it answers, and the rows that it keeps."""

import itertools
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

Connection = psycopg.Connection[Any]

QUERIES = (
    "slow tide", "ferr", "ferry tide", "slwo tide", "vesper", "anna", "hollow", "坂本", "波の音", "зимний", "ambient",
    "lofi", "secret", "hidden list", "only by link", "dont stop", "deleted", "farewell", "morning", "kept", "a",
)  # fmt: skip
"""Names and parts of names in every script, with typing errors, of things that are hidden or gone."""

VIEWERS = (None, "did:plc:anna", "did:plc:bert")

BY_SOUND = ("", "tide", "ambient")
"""Queries that come with the vector of the track 1."""

DERIVED = {
    "documents", "words", "word_deletions", "word_count_changes", "track_count_changes", "common_words", "schema_state",
    "queue_migrations", "vibe_search_version",
}  # fmt: skip
"""Tables that an upgrade may write anew."""

_OBJECTS = Path(__file__).with_name("described_schema.sql").read_text(encoding="utf-8")

_DOCUMENTS = """
select kind, key, field, label, normalized, popularity, track_count, listed, owner, audience, context, level,
       tokens::text
from search.documents
"""
_WORDS = "select word, documents, popularity from search.words"
_DELETIONS = "select deletion, word from search.word_deletions"

_ANSWER = "select to_jsonb(u) from search.unified(%s, EMBEDDING::halfvec, viewer => %s) u"
_SOUND = "(select embedding from search.track_embeddings where track_id = 1)"

_TABLES = """
select c.relnamespace::regnamespace::text, c.relname from pg_class c
where c.relnamespace::regnamespace::text in ('public', 'search') and c.relkind in ('r', 'p') and not c.relispartition
"""


def read_objects(connection: Connection) -> dict[str, str]:
    """Every object with its definition, comment and privileges; without former names, which wait for old processes."""
    with connection.transaction(force_rollback=True):
        connection.execute("select search_internal.drop_former_names()")
        # every name is written with its schema
        connection.execute("set local search_path = pg_catalog")
        rows = connection.execute(_OBJECTS.encode()).fetchall()
    objects = {str(name): str(definition) for name, definition in rows}
    assert len(objects) == len(rows), "two objects have one name"
    return objects


def read_overloads(connection: Connection) -> dict[str, list[str]]:
    """Names of several functions in the schemas of search, with their signatures."""
    rows = connection.execute(
        "select pronamespace::regnamespace || '.' || proname, array_agg(oid::regprocedure::text) "
        "from pg_proc where pronamespace::regnamespace::text in ('search', 'search_internal') "
        "group by 1 having count(*) > 1"
    ).fetchall()
    return {str(name): sorted(signatures) for name, signatures in rows}


def read_documents(connection: Connection) -> dict[str, set[tuple[object, ...]]]:
    """What is searched by name, after all counts are added up."""
    connection.execute("select search_internal.fold_track_counts(), search_internal.fold_word_counts()")
    return {
        "documents": set(connection.execute(_DOCUMENTS).fetchall()),
        "words": set(connection.execute(_WORDS).fetchall()),
        "deletions": set(connection.execute(_DELETIONS).fetchall()),
    }


def read_answers(connection: Connection) -> dict[tuple[str, str | None, bool], list[object]]:
    """What every query finds, for every viewer: by names, and some by the sound of a track."""
    answers: dict[tuple[str, str | None, bool], list[object]] = {}
    for by_sound, queries in ((False, QUERIES), (True, BY_SOUND)):
        for query, viewer in itertools.product(queries, VIEWERS):
            statement = _ANSWER.replace("EMBEDDING", _SOUND if by_sound else "null")
            rows = connection.execute(statement.encode(), [query, viewer]).fetchall()
            answers[query, viewer, by_sound] = [row for (row,) in rows]
    return answers


def read_kept_rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """The rows of every table that an upgrade has to keep, by its name."""
    kept = {}
    for schema, name in connection.execute(_TABLES).fetchall():
        if name not in DERIVED:
            statement = SQL("select to_jsonb(t) from {} t").format(Identifier(schema, name))
            kept[str(name)] = [row for (row,) in connection.execute(statement).fetchall()]
    return kept
