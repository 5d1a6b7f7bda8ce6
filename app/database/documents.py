"""The documents by which names are found: of which version they are, and making them anew beside writers."""

import hashlib
import json
import re
from collections.abc import Iterator

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from app.database.schema import exists, note_state, read_state
from app.database.schema_steps import is_valid_index
from app.database.sql_files import SQL_DIR
from app.database.steps import Step

DOCUMENTS_VERSION = 1
"""Raised when documents are made otherwise than before, from which on every database makes its own anew."""

DOCUMENTS_DIGEST = "e81b2468828594c479683c1fa06c80938f4e96376448eed19c90a921f0e09842"
"""sha-256 of the statements that make documents in this version, which a test compares."""

MAKERS = ("normalize_text", "refresh_documents", "visibility", "word_index")
"""Files of sql/functions that decide how names become documents."""

KINDS = ("artist", "album", "tag", "playlist", "track")
"""In the order in which their documents are made: a track's take over what is normalised in the others."""

BATCH = 100
"""Entities whose documents are made in one transaction: as long as it takes, writers of the same rows wait."""

_BEFORE_NUMBERS = {"7102364eb993124fe651964961cabede2e8bd71f4e89abb9ffc29af24bc3b7b4": "1"}
"""Versions by the digest of files that databases have in their place."""

STALE = "stale"
"""What a database has in the place of a version while documents are made anew: those that are there serve."""

_BEGUN = f"update search.schema_state set value = '{STALE}' where key = 'documents';"  # noqa: S608 - a constant

_INDEX = re.compile(r"create index if not exists (documents_\w+) on ([^;]+);")

Connection = psycopg.Connection[tuple[object, ...]]


def documents_version(rules: str = "") -> str:
    """What a database with documents of this version has in ``search.schema_state``.

    Args:
        rules: Digest of the rules of an adopted catalogue.
    """
    return f"{DOCUMENTS_VERSION} {rules}".strip()


def read_documents_version(connection: Connection) -> str | None:
    """Of which version the documents of a database are; None where they were never all there."""
    found = read_state(connection, "documents")
    if found is None:
        return None
    version, _, rules = found.partition(" ")
    return f"{_BEFORE_NUMBERS.get(version, version)} {rules}".strip()


def documents_digest() -> str:
    """sha-256 of the statements that make documents, without comments and white space, which change none."""
    digest = hashlib.sha256()
    for script in sorted((SQL_DIR / "functions").rglob("*.sql"), key=lambda script: script.name):
        if script.stem in MAKERS:
            told = re.sub(r"--[^\n]*", "", script.read_text(encoding="utf-8"))
            statements = re.sub(r"comment on function .*?';\n", "", told, flags=re.DOTALL)
            digest.update(" ".join(statements.split()).encode())
    return digest.hexdigest()


def index_steps(connection: Connection) -> Iterator[Step]:
    """Indexes of documents that are missing, made while others write."""
    script = (SQL_DIR / "functions" / "index" / "refresh_documents.sql").read_text(encoding="utf-8")
    for name, definition in _INDEX.findall(script):
        if is_valid_index(connection, name):
            continue
        if exists(connection, "to_regclass", f"search.{name}"):
            # left behind by a run that was interrupted
            yield Step(f"broken index {name}", f"drop index concurrently search.{name};", None)
        yield Step(f"index {name}", f"create index concurrently {name} on {definition};", None)


def fill_steps(connection: Connection, version: str, *, anew: bool = False) -> Iterator[Step]:
    """Make all documents anew, batch after batch, from where an earlier run ended.

    Args:
        connection: To the database.
        version: Of ``documents_version``, which the database has afterwards.
        anew: Whether to begin with the first one in any case, since the catalogue is read otherwise than before.
    """
    begun, after = (KINDS[0], "") if anew else _read_progress(connection, version)
    counted = ["do $$ begin perform search_internal.count_words(); end $$;"]
    if (begun, after) == (KINDS[0], ""):
        counted += [_BEGUN, "delete from search.schema_state where key = 'filling';"]
    yield Step("words of listed names", "\n".join(counted))
    for kind in KINDS[KINDS.index(begun) :]:
        call = SQL("select search_internal.fill_documents_to({}, {}, :after, {});").format(
            Literal(version), Literal(kind), Literal(BATCH)
        )
        yield Step(
            f"names of {kind}s",
            call.as_string(None),
            after=after if kind == begun else "",
            size=_count(connection, f"{kind}s"),
            batch=BATCH,
        )
    yield Step("names of what is gone", "do $$ begin perform search_internal.forget_deleted(); end $$;")
    counted = [
        "do $$ begin perform search_internal.count_words(); end $$;",
        "analyze search.documents;",
        "select search.refresh_common_words();",
        "delete from search.schema_state where key = 'filling';",
        note_state("documents", version),
    ]
    yield Step("statistics", "\n".join(counted))


def _read_progress(connection: Connection, version: str) -> tuple[str, str]:
    """The kind at which an earlier run ended, and the last key of it."""
    noted = read_state(connection, "filling")
    # another version may have made all of them since
    if noted is None or read_state(connection, "documents") not in {None, STALE}:
        return KINDS[0], ""
    try:
        of_version, kind, after = json.loads(noted)
    except ValueError:
        # not understood: from the beginning
        return KINDS[0], ""
    return (str(kind), str(after)) if of_version == version else (KINDS[0], "")


def _count(connection: Connection, table: str) -> int:
    if not exists(connection, "to_regclass", f"public.{table}"):
        return 0
    row = connection.execute(SQL("select count(*)::integer from {}").format(Identifier("public", table))).fetchone()
    return 0 if row is None else int(str(row[0]))
