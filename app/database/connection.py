"""Connections to Postgres through psycopg alone, and what every connection asks for."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from app.database.failures import guard_connection
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
        raise UserError(f"DATABASE_URL must begin with postgresql://, not {scheme + separator!r}")
    try:
        urlsplit("postgresql://" + rest).port  # noqa: B018 - reading the port is what validates it
    except ValueError as error:
        raise UserError(f"DATABASE_URL cannot be read: {error}") from error
    address, _, query = rest.partition("?")
    kept = [pair for pair in query.split("&") if pair and pair.partition("=")[0] != _PREPARE_THRESHOLD]
    return "postgresql://" + address + ("?" + "&".join(kept) if kept else "")


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
            f"DATABASE_URL: prepare_threshold={given} is not a number: give the uses after which a statement is "
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
