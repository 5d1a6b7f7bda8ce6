"""The way past a pooler, for what needs a session of the server: DATABASE_DIRECT_URL."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from psycopg.errors import DuplicatePreparedStatement, InvalidSqlStatementName

from app.database.connection import connect, connect_arguments, normalise_url
from app.database.embedded import open_database
from app.database.failures import guard_connection
from app.database.session import Database
from app.database.setting_in_use import DIRECT_URL, using_setting
from app.errors import UserError
from app.settings import Settings


def is_pooled(url: str) -> bool:
    """Whether a pooler stands before a server: the process that answers is not the one that the client was told of.

    Args:
        url: libpq URL of a database.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with connect(url) as connection:
        return connection.execute("select pg_backend_pid()").fetchone() != (connection.info.backend_pid,)


def prepares_in_vain(url: str) -> bool:
    """Whether a URL asks for prepared statements, and a pooler loses them: then statements fail.

    Args:
        url: libpq URL of a database.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    if connect_arguments(url)["prepare_threshold"] is None or not is_pooled(url):
        return False
    with guard_connection(), connect(url) as first, connect(url) as second:
        try:
            first.execute("select 1", prepare=True)
            first.commit()
            # in a transaction from now on, it has the connection of the server that the first one had
            second.execute("select 2")
            first.execute("select 1", prepare=True)
        except (InvalidSqlStatementName, DuplicatePreparedStatement):
            return True
    return False


def read_direct_url(settings: Settings) -> str | None:
    """DATABASE_DIRECT_URL; None where it is not set.

    Raises:
        UserError: It is no URL of Postgres, or there is no DATABASE_URL that it could lead past.
    """
    if not settings.database_direct_url:
        return None
    if not settings.database_url:
        raise UserError(
            f"{DIRECT_URL} is set and DATABASE_URL is not, so the embedded Postgres is used, which has no pooler: "
            f"unset {DIRECT_URL}, or set DATABASE_URL to the same database"
        )
    with using_setting(DIRECT_URL):
        normalise_url(settings.database_direct_url)
    return settings.database_direct_url


def require_same_database(url: str, direct: str) -> None:
    """Refuse a DATABASE_DIRECT_URL that leads to another database than DATABASE_URL.

    Raises:
        UserError: It does.
        DatabaseUnavailableError: One of them cannot be reached; the message names the setting.
    """
    with connect(url) as connection:
        configured = connection.execute(_IDENTITY).fetchone()
    with using_setting(DIRECT_URL), connect(direct) as connection:
        found = connection.execute(_IDENTITY).fetchone()
    if configured != found:
        raise UserError(
            f"{DIRECT_URL} leads to another database than DATABASE_URL: let both name the same database of the same "
            "server, one past the pooler"
        )


_IDENTITY = """
    select oid, datname, pg_postmaster_start_time() from pg_catalog.pg_database where datname = current_database()
"""
"""What tells a database from all others, and any role may read; a server of its own has a start of its own."""


@contextmanager
def open_past_pooler(settings: Settings, purpose: str) -> Iterator[str]:
    """URL of the configured database for what needs a session; the embedded one runs while the context is open.

    That of DATABASE_DIRECT_URL, where it leads to the same database. Without one, DATABASE_URL must lead to the server
    itself.

    Args:
        settings: Which database.
        purpose: What needs the session, as the subject of a sentence.

    Raises:
        UserError: A pooler is in the way, DATABASE_DIRECT_URL leads elsewhere, or the embedded server cannot start; the
            message says what to do.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    direct = read_direct_url(settings)
    if direct is not None:
        require_same_database(str(settings.database_url), direct)
        with using_setting(DIRECT_URL):
            yield direct
        return
    with open_database(settings) as url:
        if settings.database_url and is_pooled(url):
            raise UserError(_refusal(purpose))
        yield url


@asynccontextmanager
async def open_sessions(settings: Settings, database: Database, purpose: str) -> AsyncIterator[Database]:
    """A database of which a connection is a session: the given one where it leads to the server itself.

    Args:
        settings: With DATABASE_DIRECT_URL, or without.
        database: The configured one.
        purpose: What needs the session, as the subject of a sentence.

    Raises:
        UserError: A pooler is in the way, or DATABASE_DIRECT_URL leads elsewhere; the message says what to do.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    direct = read_direct_url(settings)
    if direct is not None:
        await asyncio.to_thread(require_same_database, str(settings.database_url), direct)
        with using_setting(DIRECT_URL):
            past = Database.open(direct, pool_size=1)
        async with past:
            yield past
    elif (await database.read_server()).pooled:
        raise UserError(_refusal(purpose))
    else:
        yield database


def _refusal(purpose: str) -> str:
    return (
        f"{purpose} needs a session of Postgres, and DATABASE_URL leads through a pooler: set DATABASE_DIRECT_URL to a "
        "URL of the same database past the pooler (or to the same URL, if the pooler keeps sessions)"
    )
