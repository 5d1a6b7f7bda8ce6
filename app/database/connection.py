"""Connections to Postgres through psycopg, alone and through SQLAlchemy."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.errors import ReadOnlySqlTransaction
from sqlalchemy import event, exc
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.errors import DatabaseUnavailableError, ReadOnlyDatabaseError, UserError

CONNECT_TIMEOUT_SECONDS = 5
"""How long a new connection may take before the server counts as unavailable."""


CONNECT_ARGUMENTS: dict[str, str | int] = {
    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
    "application_name": "vibe-search",
    "client_encoding": "utf8",
}
"""What every connection asks of libpq."""

SEARCH_PATH = "set search_path = search, public"
"""How tables are found: what search has made of an adopted catalogue's table stands before the table itself.

It is said once a connection is there: a pooler between would refuse it as an option of the connection.
"""


def normalise_url(url: str) -> str:
    """A libpq URL without a driver name: ``postgresql+asyncpg://`` and ``postgres://`` become ``postgresql://``.

    Raises:
        UserError: The URL is not one of Postgres.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        raise UserError(f"DATABASE_URL must begin with postgresql://, not {scheme + separator!r}")
    try:
        urlsplit("postgresql://" + rest).port  # noqa: B018 - reading the port is what validates it
    except ValueError as error:
        raise UserError(f"DATABASE_URL cannot be read: {error}") from error
    return "postgresql://" + rest


def create_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine whose connections commit each statement by themselves.

    A search is one statement: with autocommit it is one round trip. What needs a transaction opens
    one with ``engine.execution_options(isolation_level="READ COMMITTED").begin()``.
    """
    engine = create_async_engine(
        normalise_url(url).replace("postgresql://", "postgresql+psycopg://", 1),
        isolation_level="AUTOCOMMIT",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT_SECONDS,
        connect_args=CONNECT_ARGUMENTS,
        # an error's text goes into logs, and a search's parameters are what somebody looked for
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _set_search_path)
    return engine


def _set_search_path(connection: DBAPIConnection, _: object) -> None:
    autocommit = connection.autocommit
    connection.autocommit = True
    with closing(connection.cursor()) as cursor:
        cursor.execute(SEARCH_PATH)
    connection.autocommit = autocommit


async def configure_connection(connection: psycopg.AsyncConnection[Any]) -> None:
    """Make a connection of a psycopg pool as those of the engines are."""
    await connection.execute(SEARCH_PATH)
    await connection.commit()


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """One synchronous connection, in a transaction until committed.

    Raises:
        DatabaseUnavailableError: The server does not answer or refuses.
    """
    with guard_connection():
        connection = psycopg.connect(make_conninfo(normalise_url(url), **CONNECT_ARGUMENTS))
        connection.execute(SEARCH_PATH)
        connection.commit()
        return connection


def require_writable(url: str) -> None:
    """Refuse a database that can only be read.

    Raises:
        ReadOnlyDatabaseError: It is a replica, or its settings say so.
        DatabaseUnavailableError: The server does not answer.
    """
    with connect(url) as connection:
        row = connection.execute("select current_setting('transaction_read_only')").fetchone()
    if row != ("off",):
        raise ReadOnlyDatabaseError


@contextmanager
def guard_connection() -> Iterator[None]:
    """Turn the errors of a lost or missing server into ``DatabaseUnavailableError``.

    Those of a database that can only be read become ``ReadOnlyDatabaseError``. Other errors in a statement are bugs or
    bad data, and pass.
    """
    try:
        yield
    except exc.DBAPIError as error:
        if isinstance(error.orig, ReadOnlySqlTransaction):
            raise ReadOnlyDatabaseError from error
        if error.connection_invalidated or _is_unavailable(error.orig):
            raise DatabaseUnavailableError(_first_line(error.orig)) from error
        raise
    except exc.TimeoutError as error:
        raise DatabaseUnavailableError("all connections to Postgres are in use") from error
    except ReadOnlySqlTransaction as error:
        raise ReadOnlyDatabaseError from error
    except psycopg.OperationalError as error:
        if _is_unavailable(error):
            raise DatabaseUnavailableError(_first_line(error)) from error
        raise


def _is_unavailable(error: BaseException | None) -> bool:
    """Class 08 is a broken connection, 57P a server that stops or starts, 53300 one that is full."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P")) or state == "53300"


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0] or "Postgres closed the connection"
