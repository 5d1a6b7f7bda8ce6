"""Connections to Postgres through psycopg alone, and what every connection asks for."""

from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

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
    _require_readable(rest)
    return "postgresql://" + _move_hosts(rest)


def _require_readable(rest: str) -> None:
    """Refuse what follows the scheme of a URL where its password ends early, in words without any of it."""
    address, _, query = rest.partition("?")
    try:
        parts = conninfo_to_dict("postgresql://" + address)
    except psycopg.ProgrammingError:
        # its text holds the password
        parts = {"port": None}
    ports = str(parts.get("port", "")).split(",")
    whole = all(not port or (port.isdecimal() and int(port) < 65536) for port in ports)
    if not whole or "@" in str(parts.get("host", "")) or any("=" not in pair for pair in query.split("&") if pair):
        raise UserError(
            "DATABASE_URL cannot be read: write it as postgresql://role:password@host:port/database, with the letters "
            "@ : / ? # % of the password as %40 %3A %2F %3F %23 %25. Or leave the password out, and set PGPASSWORD"
        )


def _move_hosts(rest: str) -> str:
    """The same, with several hosts or the folder of a socket in the query: SQLAlchemy reads them only there."""
    address, _, query = rest.partition("?")
    authority, _, database = address.partition("/")
    credentials, at, hosts = authority.rpartition("@")
    if "," not in hosts and not hosts.startswith("%2"):
        return rest
    parts = conninfo_to_dict("postgresql://" + address)
    given = {name: str(parts.get(name, "")) for name in ("host", "port")}
    moved = [f"{name}={quote(value, safe=',')}" for name, value in given.items() if value.strip(",")]
    return f"{credentials}{at}/{database}?{'&'.join([*moved, *filter(None, [query])])}"


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
