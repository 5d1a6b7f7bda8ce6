"""What a server, its database and the role must have before a schema can be made."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.errors import DuplicateTable, InsufficientPrivilege
from psycopg.sql import SQL, Identifier
from sqlalchemy.exc import DBAPIError

from app.errors import UserError

MINIMUM_SERVER = 150000
MINIMUM_PGVECTOR = (0, 8, 4)
EXTENSIONS = ("vector", "pg_trgm", "unaccent", "fuzzystrmatch")

Connection = psycopg.Connection[tuple[object, ...]]


def check_server(connection: Connection) -> None:
    """Refuse a server that is too old, an encoding without all letters, and missing extensions.

    Raises:
        UserError: What is wrong, and what to do.
    """
    version = connection.info.server_version
    if version < MINIMUM_SERVER:
        raise UserError(f"PostgreSQL {version // 10000} is too old: 15 or newer is needed")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UserError(f"the database is encoded in {encoding}: create one with encoding UTF8")
    lacking = connection.execute(
        "select name from unnest(%s::text[]) name where name not in (select e.name from pg_available_extensions e)",
        [list(EXTENSIONS)],
    ).fetchall()
    if lacking:
        names = ", ".join(str(row[0]) for row in lacking)
        raise UserError(f"the server lacks the extensions {names}: install them (pgvector and contrib packages)")


def check_extensions(connection: Connection) -> None:
    """Refuse a pgvector that is too old, and a locale that knows ASCII letters only.

    Raises:
        UserError: What is wrong, and what to do.
    """
    row = connection.execute("select extversion from pg_extension where extname = 'vector'").fetchone()
    version = "none" if row is None else str(row[0])
    if tuple(int(part) for part in version.split(".") if part.isdigit()) < MINIMUM_PGVECTOR:
        raise UserError(
            f"pgvector {version} is too old, 0.8.4 or newer is needed: install it and run alter extension vector update"
        )
    if not knows_letters(connection):
        raise UserError(locale_message())


def knows_letters(connection: Connection) -> bool:
    """Whether pg_trgm keeps letters that are not ASCII: under the C locale it drops them, and nothing finds them."""
    schema = connection.execute(
        "select n.nspname::text from pg_extension e join pg_namespace n on n.oid = e.extnamespace "
        "where e.extname = 'pg_trgm'"
    ).fetchone()
    if schema is None:
        return False
    show = SQL("select cardinality({}('музыка')) > 0").format(Identifier(str(schema[0]), "show_trgm"))
    return connection.execute(show).fetchone() == (True,)


def locale_message() -> str:
    """What to do about a database whose locale knows ASCII letters only."""
    return (
        "the database's locale knows ASCII letters only, so other titles could not be found: create the "
        "database with a UTF-8 locale (create database ... template template0 locale 'C.UTF-8')"
    )


@contextmanager
def explaining_refusals() -> Iterator[None]:
    """Say what to do where the role may not do something, or where there are tables already.

    Raises:
        UserError: Instead of these errors of Postgres.
    """
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        refused = error.orig if isinstance(error, DBAPIError) else error
        message = str(refused).partition("\n")[0]
        if isinstance(refused, DuplicateTable):
            raise UserError(
                f"the database holds tables of the same names already: {message}. "
                "Give vibe-search a database of its own, or let it search this one: vibe-search db adopt"
            ) from error
        if not isinstance(refused, InsufficientPrivilege):
            raise
        raise UserError(
            f"the role of DATABASE_URL may not migrate: {message}. "
            "Run it as the owner of the database; extensions may need a superuser once "
            "(create extension vector, pg_trgm, unaccent, fuzzystrmatch)"
        ) from error
