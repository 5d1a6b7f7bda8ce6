"""Which version of the schema a database has, and how far that is from this program's."""

from dataclasses import dataclass
from functools import cache

import psycopg
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier

from app.database.connection import connect
from app.database.requirements import knows_letters, locale_message
from app.database.sql_files import SQL_DIR, repeatable_digest
from app.errors import UserError

VERSION_TABLE = "vibe_search_version"
"""Where Alembic notes the revision; not its default name, which an app's own migrations may use."""

MIGRATION_LOCK = 0x76696265
"""Key of the advisory lock that makes concurrent migrates wait for each other ("vibe")."""

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True)
class SchemaReport:
    """What a database lacks, each as a sentence; nothing missing means ready."""

    missing: list[str]

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
    missing = []
    if revision not in _revisions():
        missing.append(f"the schema is at {revision}, which this version does not know: update vibe-search")
    elif revision != head():
        missing.append(f"the schema is at {revision}, this version needs {head()}: run vibe-search db migrate")
    elif read_state(connection, "released") is not None:
        missing.append("search is released from the tables of the application: run vibe-search db adopt")
    elif read_state(connection, "repeatable") != repeatable_digest():
        missing.append("functions and views are of another version: run vibe-search db migrate")
    elif read_state(connection, "documents") is None:
        missing.append("not all names are searchable yet: run vibe-search db adopt again, which goes on where it ended")
    if not knows_letters(connection):
        missing.append(locale_message())
    return SchemaReport(missing)


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


def is_adopted(connection: Connection) -> bool:
    """Whether the catalogue is another application's: then nothing of the search is outside its schema."""
    return _exists(connection, f"search.{VERSION_TABLE}")


def version_schema(connection: Connection) -> str:
    """The schema of the version's table."""
    return "search" if is_adopted(connection) else "public"


def read_revision(connection: Connection) -> str | None:
    """The migration that was applied last; None in a database without any."""
    schema = version_schema(connection)
    if not _exists(connection, f"{schema}.{VERSION_TABLE}"):
        return None
    statement = SQL("select version_num from {}").format(Identifier(schema, VERSION_TABLE))
    found = connection.execute(statement).fetchone()
    return None if found is None else str(found[0])


def head() -> str:
    """The last migration that this program has."""
    return _revisions()[-1]


def read_state(connection: Connection, key: str) -> str | None:
    """What search.schema_state says of a key."""
    row = connection.execute("select value from search.schema_state where key = %s", [key]).fetchone()
    return None if row is None else str(row[0])


def keep_state(connection: Connection, key: str, value: str) -> None:
    """Note something in search.schema_state."""
    connection.execute(
        "insert into search.schema_state values (%s, %s) on conflict (key) do update set value = excluded.value",
        [key, value],
    )


def documents_digest() -> str:
    """Digest of the functions that decide how names become documents: where it differs, they are made anew."""
    return repeatable_digest("normalize_text", "refresh_documents", "visibility", "word_index")


def pending_migrations(revision: str | None) -> list[tuple[str, str]]:
    """Revision and SQL of the migrations after one, in their order."""
    return [
        (found, next(_VERSIONS.glob(f"{found}_*.sql")).read_text(encoding="utf-8"))
        for found in _revisions()
        if revision is None or found > revision
    ]


_VERSIONS = SQL_DIR / "migrations" / "versions"


@cache
def _revisions() -> list[str]:
    """By the names of their files: Alembic, which reads them, takes long to import."""
    found = sorted(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*_*.py"))
    if not found:
        raise RuntimeError(f"no migrations in {_VERSIONS}: the installation is incomplete")
    return found


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0]


def _exists(connection: Connection, table: str) -> bool:
    row = connection.execute("select to_regclass(%s) is not null", [table]).fetchone()
    return row is not None and row[0] is True
