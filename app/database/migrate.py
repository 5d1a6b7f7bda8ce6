"""Bringing a database to the schema of this version."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import psycopg
from sqlalchemy import Connection as BoundConnection
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app.database.adoption.run import adopt
from app.database.connection import CONNECT_ARGUMENTS, normalise_url
from app.database.failures import guard_connection
from app.database.qualified_names import SAFE_PATH, read_homes
from app.database.queue_schema import find_queue_schema, plan_queue_upgrade
from app.database.requirements import check_extensions, check_server, explaining_refusals
from app.database.schema import (
    MIGRATION_LOCK,
    documents_digest,
    head,
    is_adopted,
    keep_state,
    read_revision,
    read_state,
    version_schema,
)
from app.database.sql_files import SQL_DIR, repeatable_digest, repeatable_script, run_script, trigger_scripts

if TYPE_CHECKING:
    from models.registry import ModelCard

Connection = psycopg.Connection[tuple[object, ...]]


def migrate(url: str, model: "ModelCard") -> list[str]:
    """Bring a database to this version's schema, in one transaction.

    Safe to repeat, and to run twice at once: the second waits, then finds nothing to do.
    A database that was adopted is brought there as it was adopted, step by step.

    Args:
        url: libpq URL of the database.
        model: The model that is to serve when none does yet.

    Returns:
        What was done, one line a step; empty when only the repeatable scripts were applied again.

    Raises:
        UserError: The server or an extension is too old, or the role may not do it.
        DatabaseUnavailableError: The server does not answer.
    """
    with _migrating(url) as bound:
        connection = _driver_of(bound)
        connection.execute("select pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        check_server(connection)
        adopted = is_adopted(connection)
        if not adopted:
            with explaining_refusals():
                done = _migrate(bound, model)
            check_extensions(connection)
    return adopt(url, model) if adopted else done


def _migrate(bound: BoundConnection, model: "ModelCard") -> list[str]:
    connection = _driver_of(bound)
    # what is made belongs beside the catalogue, unless it says otherwise
    connection.execute(f"set local search_path = {read_homes(connection).path('public', 'search')}".encode())
    done = _upgrade(bound)
    done += _apply_queue_schema(connection)
    homes = read_homes(connection)
    connection.execute(f"set local search_path = {SAFE_PATH}".encode())
    run_script(connection, homes.bind(repeatable_script()))
    for script in trigger_scripts():
        run_script(connection, homes.bind(script.read_text(encoding="utf-8")))
    connection.execute("set local search_path = search, public")
    keep_state(connection, "repeatable", repeatable_digest())
    done += _rebuild_documents(connection)
    return done + _ensure_model(connection, model)


@contextmanager
def _migrating(url: str) -> Iterator[BoundConnection]:
    """A connection in a transaction, which is committed at the end; Alembic needs it to be SQLAlchemy's."""
    engine = create_engine(
        normalise_url(url).replace("postgresql://", "postgresql+psycopg://", 1),
        poolclass=NullPool,
        connect_args=CONNECT_ARGUMENTS,
    )
    with guard_connection(), engine.begin() as bound:
        yield bound
    engine.dispose()


def _driver_of(bound: BoundConnection) -> Connection:
    return cast("Connection", bound.connection.driver_connection)


def _upgrade(bound: BoundConnection) -> list[str]:
    # they take long to import, and only a migration needs them
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    connection = _driver_of(bound)
    before = read_revision(connection)
    config = Config()
    config.set_main_option("script_location", str(SQL_DIR / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = bound
    config.attributes["version_schema"] = version_schema(connection)
    command.upgrade(config, "head")
    return [f"{before or 'empty'} -> {head()}"] if before != head() else []


def _apply_queue_schema(connection: Connection) -> list[str]:
    schema = find_queue_schema(connection)
    lacking = plan_queue_upgrade(connection, schema)
    connection.execute(f"set local search_path = {schema}, pg_temp".encode())
    for script in lacking.scripts:
        run_script(connection, script)
    with connection.cursor() as cursor:
        rows = [(name,) for name in lacking.names]
        cursor.executemany("insert into search.queue_migrations (name) values (%s)", rows)
    return lacking.done


def _rebuild_documents(connection: Connection) -> list[str]:
    if read_state(connection, "documents") == documents_digest():
        return []
    row = connection.execute("select search.rebuild_documents()").fetchone()
    keep_state(connection, "documents", documents_digest())
    return [f"search: {row[0]} names"] if row and row[0] else []


def _ensure_model(connection: Connection, model: "ModelCard") -> list[str]:
    serving = connection.execute("select id from search.models where serving").fetchone()
    if serving is not None:
        connection.execute("select search_internal.bind_nearest_tracks()")
        return []
    connection.execute("select search.register_model(%s, %s, %s)", [model.name, model.identity, model.dimensions])
    connection.execute("select search.serve_model(%s)", [model.identity])
    return [f"model: {model.identity}, {model.dimensions} dimensions"]
