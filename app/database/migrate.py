"""Bringing a database to the schema of this version, and telling how far one is from it."""

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, cast

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.errors import DuplicateTable, InsufficientPrivilege, UndefinedTable
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.database.connection import CONNECT_ARGUMENTS, connect, guard_connection, normalise_url
from app.database.sql_files import SQL_DIR, repeatable_digest, repeatable_scripts, run_script
from app.errors import UserError

if TYPE_CHECKING:
    from models.registry import ModelCard

VERSION_SCHEMA = "public"
VERSION_TABLE = "vibe_search_version"
"""Where Alembic notes the revision; not its default name, which an app's own migrations may use."""

MINIMUM_SERVER = 150000
MINIMUM_PGVECTOR = (0, 8, 4)
_LOCK = 0x76696265
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


def migrate(url: str, model: "ModelCard") -> list[str]:
    """Bring a database to this version's schema, in one transaction.

    Safe to repeat, and to run twice at once: the second waits, then finds nothing to do.

    Args:
        url: libpq URL of the database.
        model: The model that is to serve when none does yet.

    Returns:
        What was done, one line a step; empty when only the repeatable scripts were applied again.

    Raises:
        UserError: The server or an extension is too old, or the role may not do it.
        DatabaseUnavailableError: The server does not answer.
    """
    engine = create_engine(
        normalise_url(url).replace("postgresql://", "postgresql+psycopg://", 1),
        poolclass=NullPool,
        connect_args=CONNECT_ARGUMENTS,
    )
    with guard_connection(), engine.begin() as bound:
        connection = cast("Connection", bound.connection.driver_connection)
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        _check_server(connection)
        before = _revision(connection)
        try:
            config = _alembic_config()
            config.attributes["connection"] = bound
            command.upgrade(config, "head")
            done = [f"{before or 'empty'} -> {_head()}"] if before != _head() else []
            done += _apply_queue_schema(connection)
            _apply_repeatable(connection)
            done += _rebuild_documents(connection)
            done += _ensure_model(connection, model)
        except (psycopg.Error, DBAPIError) as error:
            refused = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(refused, DuplicateTable):
                raise UserError(
                    f"the database holds tables of the same names already: {str(refused).partition(chr(10))[0]}. "
                    "Give vibe-search a database of its own"
                ) from error
            if not isinstance(refused, InsufficientPrivilege):
                raise
            raise UserError(
                f"the role of DATABASE_URL may not migrate: {str(refused).partition(chr(10))[0]}. "
                "Run it as the owner of the database; extensions may need a superuser once "
                "(create extension vector, pg_trgm, unaccent, fuzzystrmatch)"
            ) from error
        _check_pgvector(connection)
    engine.dispose()
    return done


def inspect_schema(connection: Connection) -> SchemaReport:
    """Compare a database with the schema of this version."""
    with connection.transaction():
        revision = _revision(connection)
    if revision is None:
        return SchemaReport(["the database is empty: run vibe-search db migrate"])
    missing = []
    if revision not in _known_revisions():
        missing.append(f"the schema is at {revision}, which this version does not know: update vibe-search")
    elif revision != _head():
        missing.append(f"the schema is at {revision}, this version needs {_head()}: run vibe-search db migrate")
    elif _state(connection, "repeatable") != repeatable_digest():
        missing.append("functions and views are of another version: run vibe-search db migrate")
    if not _knows_letters(connection):
        missing.append(_locale_message())
    return SchemaReport(missing)


def require_schema(url: str) -> None:
    """Refuse a database that this version cannot serve from.

    Raises:
        UserError: Something is missing; the message says what to do.
        DatabaseUnavailableError: The server does not answer.
    """
    with connect(url) as connection:
        report = inspect_schema(connection)
    if not report.ready:
        raise UserError("; ".join(report.missing))


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SQL_DIR / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _head() -> str:
    head = ScriptDirectory.from_config(_alembic_config()).get_current_head()
    if head is None:
        raise RuntimeError(f"no migrations in {SQL_DIR / 'migrations'}: the installation is incomplete")
    return head


def _known_revisions() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_alembic_config()).walk_revisions()}


def _revision(connection: Connection) -> str | None:
    row = connection.execute("select to_regclass(%s)", [f"{VERSION_SCHEMA}.{VERSION_TABLE}"]).fetchone()
    if row is None or row[0] is None:
        return None
    found = connection.execute("select version_num from public.vibe_search_version").fetchone()
    return None if found is None else str(found[0])


def _state(connection: Connection, key: str) -> str | None:
    row = connection.execute("select value from search.schema_state where key = %s", [key]).fetchone()
    return None if row is None else str(row[0])


def _check_server(connection: Connection) -> None:
    version = connection.info.server_version
    if version < MINIMUM_SERVER:
        raise UserError(f"PostgreSQL {version // 10000} is too old: 15 or newer is needed")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UserError(f"the database is encoded in {encoding}: create one with encoding UTF8")
    available = connection.execute(
        "select name from unnest(array['vector', 'pg_trgm', 'unaccent', 'fuzzystrmatch']) name "
        "where name not in (select e.name from pg_available_extensions e)"
    ).fetchall()
    if available:
        names = ", ".join(str(row[0]) for row in available)
        raise UserError(f"the server lacks the extensions {names}: install them (pgvector and contrib packages)")


def _check_pgvector(connection: Connection) -> None:
    row = connection.execute("select extversion from pg_extension where extname = 'vector'").fetchone()
    version = "none" if row is None else str(row[0])
    if tuple(int(part) for part in version.split(".") if part.isdigit()) < MINIMUM_PGVECTOR:
        raise UserError(
            f"pgvector {version} is too old, 0.8.4 or newer is needed: install it and run alter extension vector update"
        )
    if not _knows_letters(connection):
        raise UserError(_locale_message())


def _knows_letters(connection: Connection) -> bool:
    """Under the C locale pg_trgm drops every letter that is not ASCII, and such titles are never found."""
    row = connection.execute("select cardinality(show_trgm('музыка')) > 0").fetchone()
    return row is not None and row[0] is True


def _locale_message() -> str:
    return (
        "the database's locale knows ASCII letters only, so other titles could not be found: create the "
        "database with a UTF-8 locale (create database ... template template0 locale 'C.UTF-8')"
    )


def _apply_queue_schema(connection: Connection) -> list[str]:
    """Create procrastinate's schema, or apply those of its migrations that came with a newer release.

    procrastinate ships migrations without tracking them; search.queue_migrations does.
    """
    folder = resources.files("procrastinate.sql")
    names = sorted(entry.name for entry in (folder / "migrations").iterdir() if entry.name.endswith(".sql"))
    known = {str(row[0]) for row in connection.execute("select name from search.queue_migrations").fetchall()}
    try:
        with connection.transaction():
            connection.execute("select from procrastinate_jobs limit 0")
        installed = True
    except UndefinedTable:
        installed = False

    if not installed:
        run_script(connection, (folder / "schema.sql").read_text(encoding="utf-8"))
        pending, done = names, [f"procrastinate: schema with {len(names)} migrations"]
    elif not known:
        raise UserError(
            "procrastinate's tables are there but nothing says which of its migrations they have: "
            "insert those into search.queue_migrations(name), then migrate again"
        )
    else:
        pending = [name for name in names if name not in known]
        done = [f"procrastinate: {name}" for name in pending]
        for name in pending:
            run_script(connection, (folder / "migrations" / name).read_text(encoding="utf-8"))
    with connection.cursor() as cursor:
        cursor.executemany("insert into search.queue_migrations (name) values (%s)", [(name,) for name in pending])
    return done


def _apply_repeatable(connection: Connection) -> None:
    connection.execute("set local check_function_bodies = off")  # they may name each other in any order
    # a role that is no superuser may set an extension's parameter only once its library is loaded
    connection.execute("select public.show_trgm('loaded'), '[1]'::public.halfvec")
    for script in repeatable_scripts():
        run_script(connection, script.read_text(encoding="utf-8"))
    _keep_state(connection, "repeatable", repeatable_digest())


def _keep_state(connection: Connection, key: str, value: str) -> None:
    connection.execute(
        "insert into search.schema_state values (%s, %s) on conflict (key) do update set value = excluded.value",
        [key, value],
    )


def _rebuild_documents(connection: Connection) -> list[str]:
    """Make the documents anew when how names become documents has changed."""
    digest = repeatable_digest("normalize_text", "refresh_documents", "visibility", "word_index")
    if _state(connection, "documents") == digest:
        return []
    row = connection.execute("select search.rebuild_documents()").fetchone()
    _keep_state(connection, "documents", digest)
    return [f"search: {row[0]} names"] if row and row[0] else []


def _ensure_model(connection: Connection, model: "ModelCard") -> list[str]:
    serving = connection.execute("select id from search.models where serving").fetchone()
    if serving is not None:
        connection.execute("select search.bind_nearest_tracks()")
        return []
    connection.execute("select search.register_model(%s, %s, %s)", [model.name, model.identity, model.dimensions])
    connection.execute("select search.serve_model(%s)", [model.identity])
    return [f"model: {model.identity}, {model.dimensions} dimensions"]
