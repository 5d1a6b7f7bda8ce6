"""Connections to Postgres through psycopg alone, and what every connection asks for."""

from typing import Any
from urllib.parse import parse_qs, quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from app.database.failures import guard_connection
from app.database.setting_in_use import setting_in_use
from app.errors import ReadOnlyDatabaseError, UserError

CONNECT_TIMEOUT_SECONDS = 5
"""How long a new connection may take before the server counts as unavailable."""


CONNECT_ARGUMENTS: dict[str, str | int] = {
    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
    "application_name": "vibe-search",
    "client_encoding": "utf8",
}
"""What every connection asks of libpq. No options: a pooler refuses them."""

SEARCH_PATH = "set search_path = search, public"
"""How statements typed by hand, and those of an adoption, find tables: what search has made of an adopted catalogue's
table stands before the table itself."""

_PREPARE_THRESHOLD = "prepare_threshold"
_NEVER = ("", "0", "none")


def normalise_url(url: str) -> str:
    """A libpq URL without a driver name: ``postgresql+asyncpg://`` and ``postgres://`` become ``postgresql://``.

    The parameter ``prepare_threshold``, which libpq does not know, is taken out: ``connect_arguments`` reads it.

    Raises:
        UserError: The URL is not one of Postgres.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        raise UserError(f"{setting_in_use()} must begin with postgresql://, not {scheme + separator!r}")
    rest = _without_threshold(rest)
    _require_readable(rest)
    return "postgresql://" + _move_hosts(rest)


def _without_threshold(rest: str) -> str:
    address, _, query = rest.partition("?")
    kept = [pair for pair in query.split("&") if pair and pair.partition("=")[0] != _PREPARE_THRESHOLD]
    return address + ("?" + "&".join(kept) if kept else "")


def _require_readable(rest: str) -> None:
    """Refuse what follows the scheme of a URL where its password ends early, in words without any of it."""
    address, _, query = rest.partition("?")
    try:
        conninfo_to_dict("postgresql://" + rest)
        parts = conninfo_to_dict("postgresql://" + address)
    except psycopg.ProgrammingError:
        # its text holds the password
        parts = {"port": None}
    ports = str(parts.get("port", "")).split(",")
    whole = all(not port or (port.isdecimal() and int(port) < 65536) for port in ports)
    if not whole or "@" in str(parts.get("host", "")) or any("=" not in pair for pair in query.split("&") if pair):
        raise UserError(
            f"{setting_in_use()} cannot be read: write it as postgresql://role:password@host:port/database, with the "
            "letters @ : / ? # % & = of the password as %40 %3A %2F %3F %23 %25 %26 %3D, and after ? only "
            "parameters of libpq. Or leave the password out, and set PGPASSWORD"
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


def count_hosts(url: str) -> int:
    """How many hosts a URL names, of which each is tried for ``CONNECT_TIMEOUT_SECONDS``."""
    return 1 + str(conninfo_to_dict(normalise_url(url)).get("host", "")).count(",")


def connect_arguments(url: str) -> dict[str, Any]:
    """What every connection to a URL asks of psycopg.

    Nothing is prepared, for a transaction pooler may run each transaction on another connection of the server.
    ``prepare_threshold=5`` in the URL prepares a statement that has run five times; ``0`` and ``none`` mean never.

    Raises:
        UserError: The URL has another ``prepare_threshold``.
    """
    return {**CONNECT_ARGUMENTS, "prepare_threshold": _read_threshold(url)}


def leaves_preparing_open(url: str) -> bool:
    """Whether a URL says nothing of prepared statements: then they may be used where no pooler is in the way."""
    return _PREPARE_THRESHOLD not in parse_qs(url.partition("?")[2], keep_blank_values=True)


def _read_threshold(url: str) -> int | None:
    given = parse_qs(url.partition("?")[2]).get(_PREPARE_THRESHOLD, [""])[-1].lower()
    if given in _NEVER:
        return None
    if not given.isascii() or not given.isdecimal():
        raise UserError(
            f"{setting_in_use()}: prepare_threshold={given} is not a number: give the uses after which a statement is "
            "prepared, or 0 for never"
        )
    return int(given)


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """One synchronous connection, in a transaction until committed.

    Nothing is set for its session, so a pooler may stand before the server. Statements name schemas.

    Raises:
        DatabaseUnavailableError: The server does not answer or refuses.
    """
    with guard_connection():
        return psycopg.connect(normalise_url(url), **connect_arguments(url))


def connect_session(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """The same for what needs a session of its own, with the search path that ``SEARCH_PATH`` describes.

    Raises:
        DatabaseUnavailableError: The server does not answer or refuses.
    """
    with guard_connection():
        connection = connect(url)
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
