"""Statements that take too long, and those whose caller is gone: Postgres ends them, and the pool goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import psycopg
import pytest
from psycopg.errors import LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.database import Database, Session, retry_read
from app.errors import ConnectionsBusyError, DatabaseUnavailableError, StatementTimeoutError
from tests.support.pgbouncer import INSTALLED, pgbouncer
from tests.support.statements import running, wait_until, waiting_for_locks

Connection = psycopg.Connection[Any]

COUNT = text("select count(*) from tags")
ADD = text("insert into tags (name) values ('late')")


@pytest.fixture
def observer(database: str) -> Iterator[Connection]:
    """Looks at what the others do, and belongs to none of them."""
    with psycopg.connect(database, autocommit=True, application_name="observer") as opened:
        yield opened


@pytest.fixture
def holder(database: str) -> Iterator[Connection]:
    """A transaction that keeps everyone from the table of tags."""
    with psycopg.connect(database, application_name="holder") as opened:
        opened.execute("lock table tags in access exclusive mode")
        yield opened


def run(url: str, steps: Callable[[Database], Awaitable[None]], **options: Any) -> None:
    async def opened() -> None:
        async with Database.open(url, pool_size=1, **options) as database:
            await steps(database)

    asyncio.run(opened())


async def statement(database: Database, kind: str) -> object:
    """One that waits for the holder, in each of the ways in which a statement is run."""

    async def ask(session: Session) -> object:
        return await session.execute(ADD) if kind == "transaction" else await session.scalar(COUNT)

    if kind == "database":
        return await ask(database)
    opened = database.transaction() if kind == "transaction" else database.connection()
    async with opened as session:
        return await ask(session)


async def wait(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, condition)


KINDS = pytest.mark.parametrize("kind", ["database", "connection", "transaction"])


@KINDS
def test_a_statement_that_takes_too_long_is_cancelled(
    database: str, holder: Connection, observer: Connection, kind: str
) -> None:
    async def steps(opened: Database) -> None:
        with pytest.raises(StatementTimeoutError, match=r"longer than 0\.3 s"):
            await statement(opened, kind)
        assert running(observer) == 0
        holder.rollback()
        assert await opened.scalar(COUNT) == 0, "nothing was written, and the pool's only connection is there"

    run(database, steps, statement_timeout=0.3)


def test_a_statement_that_took_too_long_is_not_tried_again(
    database: str, holder: Connection, observer: Connection
) -> None:
    tried = 0

    async def steps(opened: Database) -> None:
        async def read() -> object:
            nonlocal tried
            tried += 1
            return await opened.scalar(COUNT)

        with pytest.raises(StatementTimeoutError):
            await retry_read(read)
        assert tried == 1

    assert holder.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    run(database, steps, statement_timeout=0.3)
    assert running(observer) == 0


def test_a_read_without_a_free_connection_is_not_tried_again(
    database: str, holder: Connection, observer: Connection
) -> None:
    async def steps(opened: Database) -> None:
        waiting = asyncio.create_task(opened.scalar(COUNT))
        await wait(lambda: waiting_for_locks(observer) == 1)
        tried = 0

        async def read() -> object:
            nonlocal tried
            tried += 1
            return await opened.scalar(COUNT)

        with pytest.raises(ConnectionsBusyError, match="all connections to Postgres are in use"):
            await retry_read(read)
        assert tried == 1
        holder.rollback()
        assert await waiting == 0

    run(database, steps, pool_timeout=0.05)


@KINDS
def test_a_caller_that_is_cancelled_takes_its_statement_along(
    database: str, holder: Connection, observer: Connection, kind: str
) -> None:
    async def steps(opened: Database) -> None:
        asking = asyncio.create_task(statement(opened, kind))
        await wait(lambda: waiting_for_locks(observer) == 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert running(observer) == 0
        holder.rollback()
        assert await opened.scalar(COUNT) == 0

    run(database, steps)


@KINDS
def test_one_that_is_cancelled_again_and_again(
    database: str, holder: Connection, observer: Connection, kind: str
) -> None:
    """A cancel scope of anyio, as of a stream whose client is gone, cancels in every turn of the loop."""

    async def steps(opened: Database) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(statement, opened, kind)
            await wait(lambda: waiting_for_locks(observer) == 1)
            group.cancel_scope.cancel()
        assert running(observer) == 0
        holder.rollback()
        assert await opened.scalar(COUNT) == 0

    run(database, steps)


def shown(url: str, **options: Any) -> str:
    found: list[str] = []

    async def steps(opened: Database) -> None:
        found.append(await opened.scalar(text("show statement_timeout")))

    run(url, steps, **options)
    return found[0]


def test_the_server_ends_what_this_process_does_not(database: str, connection: Connection) -> None:
    assert shown(database) == "0"
    assert shown(database, statement_timeout=3) == "5s"
    name = connection.info.dbname
    for strict, expected in (("200ms", "200ms"), ("2min", "5s")):
        connection.execute(f"alter database {name} set statement_timeout = '{strict}'".encode())
        assert shown(database, statement_timeout=3) == expected


@pytest.mark.skipif(not INSTALLED, reason="PgBouncer is not installed: `make pgbouncer`")
def test_behind_a_transaction_pooler(database: str, holder: Connection, observer: Connection) -> None:
    """This process cancels there too, and leaves no setting with a connection that others use next."""
    with pgbouncer(database, "transaction") as pooler:
        url = pooler.url(database)
        assert shown(url, statement_timeout=3) == "0"

        async def limited(opened: Database) -> None:
            with pytest.raises(StatementTimeoutError):
                await opened.scalar(COUNT)
            await wait(lambda: running(observer) == 0)
            holder.rollback()
            assert await opened.scalar(COUNT) == 0

        run(url, limited, statement_timeout=0.3)


@KINDS
@pytest.mark.skipif(not INSTALLED, reason="PgBouncer is not installed: `make pgbouncer`")
def test_what_a_connection_asks_of_its_server_is_limited_too(
    database: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The pooler answers, and has no connection of the server to give."""
    monkeypatch.setattr("app.database.server_connections._FRESH_SECONDS", 0)
    with pgbouncer(database, "transaction", default_pool_size=1) as pooler:
        url = pooler.url(database)

        async def steps(opened: Database) -> None:
            assert await opened.scalar(COUNT) == 0
            with psycopg.connect(url, prepare_threshold=None) as other:
                other.execute("select 1")
                with pytest.raises(StatementTimeoutError, match=r"longer than 0\.3 s"):
                    await statement(opened, kind)
            assert await opened.scalar(COUNT) == 0, "nothing was written, and the pool's only connection is there"

        run(url, steps, statement_timeout=0.3)


@pytest.mark.skipif(not INSTALLED, reason="PgBouncer is not installed: `make pgbouncer`")
def test_the_first_connection_is_limited(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.database.session.CONNECT_TIMEOUT_SECONDS", 0.1)
    with pgbouncer(database, "transaction", default_pool_size=1) as pooler:
        url = pooler.url(database)

        async def steps(opened: Database) -> None:
            with psycopg.connect(url, prepare_threshold=None) as other:
                other.execute("select 1")
                with pytest.raises(DatabaseUnavailableError, match="no answer in time"):
                    await opened.scalar(COUNT)
            assert await opened.scalar(COUNT) == 0

        run(url, steps, statement_timeout=0.3, pool_timeout=0.1)


def test_the_lock_timeout_of_a_database_is_that_of_its_transactions(
    database: str, holder: Connection, observer: Connection
) -> None:
    limit = text("show lock_timeout")

    async def steps(opened: Database) -> None:
        with pytest.raises(DBAPIError) as error:
            await statement(opened, "transaction")
        assert isinstance(error.value.orig, LockNotAvailable)
        async with opened.transaction() as transaction:
            assert await transaction.scalar(limit) == "200ms"
        async with opened.transaction(lock_timeout=7) as transaction:
            assert await transaction.scalar(limit) == "7s"
        assert await opened.scalar(limit) == "0"

    assert holder.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    run(database, steps, lock_timeout=0.2)
    assert running(observer) == 0


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 1e9])
def test_a_limit_that_is_none_is_refused(database: str, seconds: float) -> None:
    with pytest.raises(ValueError, match="statement_timeout"):
        Database.open(database, statement_timeout=seconds)
