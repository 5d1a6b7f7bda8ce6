"""Which version of the schema a database has, and how far that is from this program's."""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psycopg
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier, Literal

from app.database.connection import connect
from app.database.requirements import knows_letters, locale_message
from app.database.sql_files import SQL_DIR, repeatable_digest
from app.errors import UserError

VERSION_TABLE = "vibe_search_version"
"""Where the revision is noted."""

SIGNATURES_VERSION = 1
"""Raised when statements of the version before cannot call a function any more: its processes are not ready then."""

SIGNATURES_DIGEST = "e19b4dd1afca98722880e6f823e76f61f3941df1c16a49a9920cf166fb1a8eef"
"""sha-256 of the signatures of all functions in this version, which a test compares."""

MIGRATION_LOCK = 0x76696265
"""Key of the advisory lock that makes concurrent migrates wait for each other ("vibe")."""

_PAUSE_SECONDS = 0.2
"""Between two looks at that lock."""

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True)
class SchemaReport:
    """How a database differs from the schema of this version, each as a sentence.

    Attributes:
        missing: What keeps this version from serving; nothing means ready.
        warnings: What does not, such as a newer schema that this version can use.
    """

    missing: list[str]
    warnings: list[str] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        """Whether this version can serve from the database."""
        return not self.missing


def inspect_schema(connection: Connection) -> SchemaReport:
    """Compare a database with the schema of this version."""
    with connection.transaction():
        revision = read_revision(connection)
    if revision is None:
        return SchemaReport(["the database is empty: run vibe-search db migrate"])
    report = _compare_versions(connection, revision)
    if report.missing:
        return report
    missing = []
    if read_state(connection, "released") is not None:
        missing.append("search is released from the tables of the application: run vibe-search db adopt")
    elif read_state(connection, "documents") is None:
        again = "vibe-search db adopt" if is_adopted(connection) else "vibe-search db migrate"
        missing.append(f"not all names are searchable yet: run {again} again, which goes on where it ended")
    if not knows_letters(connection):
        missing.append(locale_message())
    return SchemaReport(missing, report.warnings)


def _compare_versions(connection: Connection, revision: str) -> SchemaReport:
    """Whether tables and functions are of this version, or of a newer one that it can use."""
    if revision not in _revisions():
        if is_compatible(connection, head()):
            return SchemaReport([], [_newer(f"schema {revision}, and this version has {head()}")])
        return SchemaReport([f"the schema is at {revision}, which this version does not know: update vibe-search"])
    if revision != head():
        return SchemaReport([f"the schema is at {revision}, this version needs {head()}: run vibe-search db migrate"])
    if read_state(connection, "functions") == repeatable_digest():
        return SchemaReport([])
    if repeatable_digest() in read_superseded(connection):
        return SchemaReport([], [_newer("functions of a newer version")])
    return SchemaReport(["functions and views are of another version: run vibe-search db migrate"])


def _newer(what: str) -> str:
    return f"the database has {what}, which it can use: restart this process with the newer version"


def require_schema(url: str) -> None:
    """Refuse a database that this version cannot serve from.

    Raises:
        UserError: Something is missing; the message says what to do.
        DatabaseUnavailableError: The server does not answer.
    """
    with connect(url) as connection:
        try:
            report = inspect_schema(connection)
        except InsufficientPrivilege as error:
            raise UserError(
                f"the role of DATABASE_URL may not read what it needs: {_first_line(error)}. "
                "Run vibe-search db roles as the owner of the database"
            ) from error
    if not report.ready:
        raise UserError("; ".join(report.missing))


def await_migrations(connection: Connection) -> None:
    """Take the lock of migrations: for the session of a connection that commits by itself, else for its transaction.

    A statement that waits for it would hold a snapshot, and an index that is made concurrently by who has the lock
    waits for all of those.
    """
    function = "pg_try_advisory_lock" if connection.autocommit else "pg_try_advisory_xact_lock"
    take = SQL("select {}(%s)").format(Identifier(function))
    while connection.execute(take, [MIGRATION_LOCK]).fetchone() != (True,):
        if not connection.autocommit:
            connection.rollback()
        time.sleep(_PAUSE_SECONDS)


def is_adopted(connection: Connection) -> bool:
    """Whether the catalogue is another application's: then nothing of the search is outside its schema."""
    return exists(connection, "to_regclass", f"search.{VERSION_TABLE}")


def version_schema(connection: Connection) -> str:
    """The schema of the version's table."""
    return "search" if is_adopted(connection) else "public"


def read_revision(connection: Connection) -> str | None:
    """The migration that was applied last; None in a database without any."""
    schema = version_schema(connection)
    if not exists(connection, "to_regclass", f"{schema}.{VERSION_TABLE}"):
        return None
    statement = SQL("select version_num from {}").format(Identifier(schema, VERSION_TABLE))
    found = connection.execute(statement).fetchone()
    return None if found is None else str(found[0])


def head() -> str:
    """The last migration that this program has."""
    return _revisions()[-1]


def read_state(connection: Connection, key: str) -> str | None:
    """What search.schema_state says of a key; None where it says nothing, or is not there yet."""
    if not exists(connection, "to_regclass", "search.schema_state"):
        return None
    row = connection.execute("select value from search.schema_state where key = %s", [key]).fetchone()
    return None if row is None else str(row[0])


def note_state(key: str, value: str) -> str:
    """SQL that notes something in search.schema_state."""
    statement = SQL(
        "insert into search.schema_state values ({}, {}) on conflict (key) do update set value = excluded.value;"
    )
    return statement.format(Literal(key), Literal(value)).as_string(None)


def keep_state(connection: Connection, key: str, value: str) -> None:
    """Note something in search.schema_state."""
    connection.execute(note_state(key, value).encode())


def pending_migrations(revision: str | None) -> list[tuple[str, str]]:
    """Revision and SQL of the migrations after one, in their order."""
    return [
        (found, path.read_text(encoding="utf-8"))
        for found, path in _migrations().items()
        if revision is None or found > revision
    ]


def preparations(revision: str) -> list[str]:
    """What is to be run before the migrations after a revision: statements that need a transaction each, or none.

    They are in files ``NNNN_NAME.before.sql``. Each begins with a comment that is its title, and ends with a semicolon
    at the end of a line.
    """
    files = [
        path.with_suffix(".before.sql")
        for found, path in _migrations().items()
        if found > revision and path.with_suffix(".before.sql").exists()
    ]
    return [
        statement.strip()
        for file in files
        for statement in re.split(r"(?<=;)\n", file.read_text(encoding="utf-8"))
        if statement.strip()
    ]


def is_compatible(connection: Connection, revision: str) -> bool:
    """Whether processes of a revision can go on with the newer schema of a database, as its migrations have said."""
    oldest = read_oldest_compatible(connection)
    return oldest is not None and oldest <= revision


def read_oldest_compatible(connection: Connection) -> str | None:
    """The oldest revision whose processes can go on with the schema of a database; None where nothing says so."""
    noted, _, oldest = (read_state(connection, "compatible_from") or "").partition(" ")
    return oldest if oldest and noted == read_revision(connection) else None


def note_oldest_compatible(oldest: str) -> str:
    """SQL that notes it for the last migration of this program."""
    return note_state("compatible_from", f"{head()} {oldest}")


def read_superseded(connection: Connection) -> list[str]:
    """Digests of the functions before those of a database, whose processes can go on with these."""
    version, digests = _read_signatures(connection)
    return digests if version == SIGNATURES_VERSION else []


def note_superseded(connection: Connection) -> str:
    """SQL that notes those of a database whose functions become those of this version."""
    version, digests = _read_signatures(connection)
    former = read_state(connection, "functions")
    known = [*digests, former] if version == SIGNATURES_VERSION and former is not None else []
    kept = [digest for digest in known if digest != repeatable_digest()][-_MOST_SUPERSEDED:]
    return note_state("superseded_functions", " ".join([str(SIGNATURES_VERSION), *kept]))


def _read_signatures(connection: Connection) -> tuple[int, list[str]]:
    """The version of the signatures of a database, and the digests of functions that had the same."""
    version, *digests = (read_state(connection, "superseded_functions") or "0").split()
    # what is not understood is compatible with nothing
    return (int(version), digests) if version.isdecimal() else (0, [])


def refuse_older_program(connection: Connection) -> None:
    """Refuse to take a database back to what it had before a newer version.

    Raises:
        UserError: It has migrations that this version does not know, or functions that have superseded its own.
    """
    revision = read_revision(connection)
    if revision is not None and revision > head():
        raise UserError(
            f"the schema is at {revision}, which this version does not know: update vibe-search, or restore a backup"
        )
    version, digests = _read_signatures(connection)
    digest = repeatable_digest()
    superseded = digest in digests and read_state(connection, "functions") != digest
    if revision == head() and (version > SIGNATURES_VERSION or superseded):
        raise UserError(
            "the database has functions of a newer version: update vibe-search. If this version is to stay, let it "
            "apply its own: delete from search.schema_state where key = 'superseded_functions', then run this again"
        )


def oldest_compatible(migrations: Iterable[tuple[str, str]]) -> str:
    """The oldest revision whose processes can go on after migrations.

    A migration says so in a line of its own: ``-- compatible from 0016``. Without one it is compatible with none.
    """
    oldest = "0000"
    for revision, sql in migrations:
        declared = _COMPATIBLE.search(sql)
        oldest = max(oldest, declared[1] if declared else revision)
    return oldest


_VERSIONS = SQL_DIR / "migrations" / "versions"
_MOST_SUPERSEDED = 50
_COMPATIBLE = re.compile(r"^-- compatible from (\d{4})$", re.MULTILINE)


@cache
def _migrations() -> dict[str, Path]:
    """Files by their revision, in order."""
    found = {path.name.partition("_")[0]: path for path in sorted(_VERSIONS.glob("[0-9]*_*.sql"))}
    found = {revision: path for revision, path in found.items() if not path.name.endswith(".before.sql")}
    if not found:
        raise RuntimeError(f"no migrations in {_VERSIONS}: the installation is incomplete")
    return found


def _revisions() -> list[str]:
    return list(_migrations())


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0]


def exists(connection: Connection, function: str, name: str) -> bool:
    """Whether a database has something.

    Args:
        connection: To the database.
        function: How Postgres looks it up: ``to_regclass``, ``to_regtype``, ``to_regnamespace``, ...
        name: What it is called.
    """
    row = connection.execute(SQL("select {}(%s) is not null").format(Identifier(function)), [name]).fetchone()
    return row is not None and row[0] is True
