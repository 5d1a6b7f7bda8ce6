"""The way past a pooler, for what needs a session of the server: DATABASE_DIRECT_URL."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from psycopg.errors import DuplicatePreparedStatement, InvalidSqlStatementName

from app.database.connection import connect, connect_arguments, normalise_url
from app.database.embedded import open_database
from app.database.failures import guard_connection
from app.database.session import Database
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


@contextmanager
def open_past_pooler(settings: Settings, purpose: str) -> Iterator[str]:
    """URL of the configured database for what needs a session; the embedded one runs while the context is open.

    DATABASE_DIRECT_URL is taken at its word. Without one, DATABASE_URL must lead to the server itself.

    Args:
        settings: Which database.
        purpose: What needs the session, as the subject of a sentence.

    Raises:
        UserError: A pooler is in the way, or the embedded server cannot start; the message says what to do.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    if settings.database_direct_url:
        normalise_url(settings.database_direct_url)
        yield settings.database_direct_url
        return
    with open_database(settings) as url:
        if settings.database_url and is_pooled(url):
            raise UserError(_refusal(purpose))
        yield url


@asynccontextmanager
async def open_sessions(settings: Settings, database: Database, purpose: str) -> AsyncIterator[Database]:
    """A database of which a connection is a session: the given one where it leads to the server itself.

    Args:
        settings: With DATABASE_DIRECT_URL, which is taken at its word.
        database: The configured one.
        purpose: What needs the session, as the subject of a sentence.

    Raises:
        UserError: A pooler is in the way; the message says what to do.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    if settings.database_direct_url:
        async with Database.open(settings.database_direct_url, pool_size=1) as direct:
            yield direct
    elif (await database.read_server()).pooled:
        raise UserError(_refusal(purpose))
    else:
        yield database


def _refusal(purpose: str) -> str:
    return (
        f"{purpose} needs a session of Postgres, and DATABASE_URL leads through a pooler: set DATABASE_DIRECT_URL to a "
        "URL of the same database past the pooler (or to the same URL, if the pooler keeps sessions)"
    )
