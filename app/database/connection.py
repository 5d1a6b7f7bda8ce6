"""Connections to Postgres through psycopg alone, and what every connection asks for."""

from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import make_conninfo

from app.database.failures import guard_connection
from app.errors import ReadOnlyDatabaseError, UserError

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


async def configure_connection(connection: psycopg.AsyncConnection[Any]) -> None:
    """Set the search path of a connection of a psycopg pool, as those of a ``Database`` have it."""
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
