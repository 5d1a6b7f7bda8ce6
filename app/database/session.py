"""How the asynchronous program talks to Postgres: statements by name, transactions, held connections."""

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar

from psycopg.errors import ConnectionTimeout, QueryCanceled
from sqlalchemy import CursorResult, Executable, Row, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.cancellation import run_cancellable
from app.database.connection import (
    CONNECT_TIMEOUT_SECONDS,
    connect_arguments,
    count_hosts,
    leaves_preparing_open,
    normalise_url,
)
from app.database.failures import guard_connection, is_outdated_plan
from app.database.refused_connections import explain_failure
from app.database.server_connections import (
    SERVER,
    KnownServer,
    follow_server,
    is_older,
    knows_server,
    learn_server,
)
from app.database.setting_in_use import setting_in_use, using_setting
from app.database.sql_files import load_query
from app.errors import StatementTimeoutError

Statement: TypeAlias = str | Executable
"""The name of a query in sql/queries, or a statement of SQLAlchemy such as ``text(...)`` and ``select(...)``."""

Parameters: TypeAlias = Mapping[str, object]
"""Values of a statement's ``:name`` parameters."""

Result = TypeVar("Result")

_SET_LOCAL = text("select set_config(:name, :value, true)")
_LONGEST_TIMEOUT_SECONDS = 2_147_483.0
"""Postgres keeps a timeout as milliseconds in 32 bits."""

_BACKSTOP_SECONDS = 2.0
"""How much later the server ends a statement than this process, which may hang or be cut off."""


class Session(ABC):
    """Where statements run: a database, a transaction of it, or one held connection.

    Every method takes a statement and its parameters. Every method raises:

    - ``DatabaseUnavailableError``: Postgres cannot be reached, or has closed the connection.
    - ``ConnectionsBusyError``: No connection has become free in time; a ``DatabaseUnavailableError`` too.
    - ``StatementTimeoutError``: The statement has taken longer than the database allows, and was cancelled.
    - ``ReadOnlyDatabaseError``: The statement writes, and the database can only be read.
    - ``sqlalchemy.exc.DBAPIError``: Any other error of Postgres; ``.orig`` is psycopg's.
    - ``UnknownQueryError``: There is no query of that name.
    """

    async def all(self, statement: Statement, parameters: Parameters | None = None) -> Sequence[Row[Any]]:
        """All rows."""
        return await self._fetch(statement, parameters, CursorResult.all)

    async def one(self, statement: Statement, parameters: Parameters | None = None) -> Row[Any]:
        """The only row.

        Raises:
            sqlalchemy.exc.NoResultFound: There is none.
            sqlalchemy.exc.MultipleResultsFound: There are several.
        """
        return await self._fetch(statement, parameters, CursorResult.one)

    async def one_or_none(self, statement: Statement, parameters: Parameters | None = None) -> Row[Any] | None:
        """The only row, or None where there is none.

        Raises:
            sqlalchemy.exc.MultipleResultsFound: There are several.
        """
        return await self._fetch(statement, parameters, CursorResult.one_or_none)

    async def scalar(self, statement: Statement, parameters: Parameters | None = None) -> Any:  # noqa: ANN401 - what SQL returns
        """The first column of the only row.

        Raises:
            sqlalchemy.exc.NoResultFound: There is no row.
            sqlalchemy.exc.MultipleResultsFound: There are several.
        """
        return await self._fetch(statement, parameters, CursorResult.scalar_one)

    async def scalar_or_none(self, statement: Statement, parameters: Parameters | None = None) -> Any:  # noqa: ANN401 - as above
        """The first column of the only row, or None where there is no row.

        Raises:
            sqlalchemy.exc.MultipleResultsFound: There are several rows.
        """
        return await self._fetch(statement, parameters, CursorResult.scalar_one_or_none)

    async def execute(self, statement: Statement, parameters: Parameters | None = None) -> int:
        """Run a statement for its effect; how many rows it has changed or would have returned."""
        return await self._fetch(statement, parameters, _count_rows)

    @abstractmethod
    async def _fetch(
        self, statement: Statement, parameters: Parameters | None, take: Callable[[CursorResult[Any]], Result]
    ) -> Result:
        """Run a statement, and take what is wanted of its result while the connection is there."""


class HeldConnection(Session):
    """One connection that its holder keeps: what belongs to a connection, such as an advisory lock, stays with it.

    Attributes:
        connection: The connection itself, for ``AsyncSession``, ``stream`` and ``invalidate``. Errors of what is done
            with it directly are those of SQLAlchemy until they leave the block that opened it. What is done with it
            directly has no time limit.
    """

    def __init__(
        self, connection: AsyncConnection, *, statement_timeout: float | None = None, setting: str | None = None
    ) -> None:
        self.connection = connection
        self._statement_timeout = statement_timeout
        self._setting = setting

    async def _fetch(
        self, statement: Statement, parameters: Parameters | None, take: Callable[[CursorResult[Any]], Result]
    ) -> Result:
        with guard_connection(self._setting):
            return take(await _execute(self.connection, statement, parameters, self._statement_timeout))


class Transaction(HeldConnection):
    """A connection in a transaction, at READ COMMITTED."""


class Database(Session):
    """A database, reached through a pool of connections.

    Each statement takes a connection of the pool and commits by itself, in one round trip: a search is one statement.
    Statements that belong together run in a ``transaction``. A process that must keep connections free for some purpose
    opens a database of its own for it.

    Args:
        engine: Autocommitting engine; the database closes it. ``Database.open`` makes one.
        statement_timeout: Seconds that a statement may take once it has a connection; None for any time.
        lock_timeout: Seconds that a statement of a transaction waits for a lock; None leaves it to the role.
        first_timeout: Seconds that the first connection may take, of which SQLAlchemy asks more than of the others;
            None for any time.
        prepare: Whether statements are prepared where no pooler is found.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        statement_timeout: float | None = None,
        lock_timeout: float | None = None,
        first_timeout: float | None = None,
        prepare: bool = False,
    ) -> None:
        self._engine = engine
        self._statement_timeout = statement_timeout
        self._lock_timeout = lock_timeout
        self._first_timeout = first_timeout
        self._prepare = prepare
        self._made_since = 0.0
        self._setting = setting_in_use()
        # the same pool and the same cache of compiled statements
        self._transactional = engine.execution_options(isolation_level="READ COMMITTED")

    @classmethod
    def open(
        cls,
        url: str,
        *,
        pool_size: int = 10,
        pool_timeout: float = CONNECT_TIMEOUT_SECONDS,
        statement_timeout: float | None = None,
        lock_timeout: float | None = None,
    ) -> Self:
        """A database of which nothing is asked yet: connections are made when statements need them.

        Args:
            url: libpq URL.
            pool_size: Connections at most.
            pool_timeout: Seconds that a statement waits for a free connection.
            statement_timeout: Seconds that a statement may take once it has a connection; None for any time. This
                process cancels it then. That costs no round trip, and a transaction pooler passes it on.
            lock_timeout: Seconds that a statement of a transaction waits for a lock; None leaves it to the role.

        Raises:
            UserError: The URL is not one of Postgres.
            ValueError: A timeout is no positive number of seconds, or longer than 24 days.
        """
        first_timeout = None
        if statement_timeout is not None:
            _milliseconds("statement_timeout", statement_timeout)
            first_timeout = pool_timeout + CONNECT_TIMEOUT_SECONDS * count_hosts(url) + statement_timeout
        engine = create_async_engine(
            normalise_url(url).replace("postgresql://", "postgresql+psycopg://", 1),
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout,
            connect_args=connect_arguments(url),
            # an error's text goes into logs, and a search's parameters are what somebody looked for
            hide_parameters=True,
        )
        follow_server(engine.sync_engine)
        return cls(
            engine,
            statement_timeout=statement_timeout,
            lock_timeout=lock_timeout,
            first_timeout=first_timeout,
            prepare=leaves_preparing_open(url),
        )

    async def close(self) -> None:
        """Close the connections that nothing uses at the moment; the others are closed once they are given back."""
        await self._engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(
        self, *, lock_timeout: float | None = None, statement_timeout: float | None = None
    ) -> AsyncIterator[Transaction]:
        """One transaction at READ COMMITTED: committed at the end of the block, rolled back when an error leaves it.

        Errors of the commit are mapped as those of statements are.

        Args:
            lock_timeout: Seconds that a statement waits for a lock; None takes that of the database, or else leaves it
                to the role and the server. Past it the statement fails with psycopg's ``LockNotAvailable``.
            statement_timeout: Seconds that a statement may take; None leaves it to the role and the server. Past it
                the statement fails with psycopg's ``QueryCanceled``. The database's own limit holds all the same.

        Raises:
            ValueError: A timeout is no positive number of seconds, or longer than 24 days.
            DatabaseUnavailableError: Postgres cannot be reached, or no connection is free.
        """
        lock_timeout = self._lock_timeout if lock_timeout is None else lock_timeout
        timeouts = {"lock_timeout": lock_timeout, "statement_timeout": statement_timeout}
        settings = {name: _milliseconds(name, seconds) for name, seconds in timeouts.items() if seconds is not None}
        with guard_connection(self._setting):
            async with self._connect(self._transactional) as connection, connection.begin():
                transaction = Transaction(connection, statement_timeout=self._statement_timeout, setting=self._setting)
                for name, value in settings.items():
                    await transaction.execute(_SET_LOCAL, {"name": name, "value": value})
                yield transaction

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[HeldConnection]:
        """One connection for the time of a block; each statement commits by itself.

        Raises:
            DatabaseUnavailableError: Postgres cannot be reached, or no connection is free.
        """
        with guard_connection(self._setting):
            async with self._connect(self._engine) as connection:
                yield HeldConnection(connection, statement_timeout=self._statement_timeout, setting=self._setting)

    async def read_server(self) -> KnownServer:
        """What a connection knows of its server: whether a pooler stands before it, and where things are.

        Raises:
            DatabaseUnavailableError: Postgres cannot be reached, or no connection is free.
        """
        with guard_connection(self._setting):
            async with self._connect(self._engine) as connection:
                known: KnownServer = connection.info[SERVER]
                return known

    @asynccontextmanager
    async def _connect(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """A connection that knows its server."""
        while True:
            async with AsyncExitStack() as stack:
                connection = engine.connect()
                await self._start(connection)
                stack.push_async_exit(connection)
                if not await self._learn_server(connection):
                    continue
                try:
                    yield connection
                except DBAPIError as error:
                    if is_outdated_plan(error.orig):
                        # the statement stays prepared: each connection made before now would fail with it
                        self._made_since = time.monotonic()
                    raise
                return

    async def _start(self, connection: AsyncConnection) -> None:
        """Take a connection of the pool; the first one is made within its time."""
        if self._first_timeout is None:
            await connection.start()
            return
        try:
            await run_cancellable(connection.start(), seconds=self._first_timeout)
        except TimeoutError as error:
            with using_setting(self._setting):
                raise explain_failure(ConnectionTimeout("connection timeout expired")) from error
        self._first_timeout = None

    async def _learn_server(self, connection: AsyncConnection) -> bool:
        """Have a connection know its server; False where it is of no use, and another one is to be taken."""
        if is_older(connection.info, self._made_since):
            await connection.invalidate()
            return False
        if knows_server(connection.info):
            return True
        seconds = self._statement_timeout
        backstop = None if seconds is None else seconds + _BACKSTOP_SECONDS
        learning = connection.run_sync(learn_server, prepare=self._prepare, backstop_seconds=backstop)
        try:
            there = await _run_limited(learning, seconds)
        except QueryCanceled as error:
            raise StatementTimeoutError("the server has ended a statement that took too long") from error
        if not there:
            # the server or the pooler has started again: the others are lost, too
            self._made_since = time.monotonic()
        return there

    async def _fetch(
        self, statement: Statement, parameters: Parameters | None, take: Callable[[CursorResult[Any]], Result]
    ) -> Result:
        with guard_connection(self._setting):
            async with self._connect(self._engine) as connection:
                return take(await _execute(connection, statement, parameters, self._statement_timeout))


def _resolve(statement: Statement) -> Executable:
    return load_query(statement) if isinstance(statement, str) else statement


def _count_rows(result: CursorResult[Any]) -> int:
    return result.rowcount


def _milliseconds(name: str, seconds: float) -> str:
    """A timeout as Postgres reads it; at least 1 ms, since 0 would mean no limit."""
    if not 0 < seconds <= _LONGEST_TIMEOUT_SECONDS:
        raise ValueError(f"{name}: {seconds} is not a number of seconds above 0 and up to {_LONGEST_TIMEOUT_SECONDS:g}")
    return f"{max(1, round(seconds * 1000))}ms"


async def _execute(
    connection: AsyncConnection, statement: Statement, parameters: Parameters | None, seconds: float | None
) -> CursorResult[Any]:
    """Run a statement; a caller that is cancelled, or its time when it is over, cancels it in Postgres too."""
    return await _run_limited(connection.execute(_resolve(statement), parameters), seconds)


async def _run_limited(work: Coroutine[Any, Any, Result], seconds: float | None) -> Result:
    try:
        return await run_cancellable(work, seconds=seconds)
    except TimeoutError as error:
        raise StatementTimeoutError(f"a statement has taken longer than {seconds:g} s") from error
