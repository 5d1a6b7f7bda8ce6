"""The one session with Postgres: every method, transactions, and which errors become which."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg.errors import LockNotAvailable, QueryCanceled, SerializationFailure, UniqueViolation
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, MultipleResultsFound, NoResultFound
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database, Session, retry_read
from app.database.named_queries import UnknownQueryError
from app.database.tables import Tag
from app.errors import DatabaseUnavailableError, ReadOnlyDatabaseError

Connection = psycopg.Connection[Any]
Steps = Callable[[Database], Awaitable[None]]

ADD_TAG = text("insert into tags (name) values (:name)")
TAGS = text("select name from tags order by name")
OTHERS = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = %s"
PID = text("select pg_backend_pid()")
CHANGING = text("select * from search.changing")


def run(url: str, steps: Steps, **options: Any) -> None:
    """Run an async function with the open database."""

    async def opened() -> None:
        async with Database.open(url, **options) as database:
            await steps(database)

    asyncio.run(opened())


def end_others(connection: Connection) -> None:
    """End every other session of the test's database, as a server does that restarts."""
    connection.execute(OTHERS, [connection.info.dbname])


def tags(connection: Connection) -> list[str]:
    return [name for (name,) in connection.execute("select name from tags order by name").fetchall()]


@asynccontextmanager
async def session_of(database: Database, kind: str) -> AsyncIterator[Session]:
    if kind == "transaction":
        async with database.transaction() as transaction:
            yield transaction
    elif kind == "connection":
        async with database.connection() as connection:
            yield connection
    else:
        yield database


@pytest.mark.parametrize("kind", ["database", "transaction", "connection"])
def test_each_method_takes_a_name_a_text_or_a_select(database: str, connection: Connection, kind: str) -> None:
    connection.execute("insert into tags (name) values ('ambient'), ('tape')")

    async def steps(opened: Database) -> None:
        async with session_of(opened, kind) as session:
            assert [row.name for row in await session.all(TAGS)] == ["ambient", "tape"]
            assert await session.all("queue_failures", {"most": 1}) == []
            assert (await session.one(text("select 1 as a, :b as b"), {"b": "c"}))._asdict() == {"a": 1, "b": "c"}
            assert (await session.one("models_in_use")).serving is True
            assert await session.one_or_none("find_token", {"id": "0" * 12}) is None
            found = await session.one_or_none(select(Tag.name).where(Tag.name == "tape"))
            assert found is not None
            assert found.name == "tape"
            assert await session.scalar(text("select count(*) from tags")) == 2
            assert await session.scalar(text("select null")) is None
            assert await session.scalar_or_none("mirror_last_checked", {"namespace": "none"}) is None
            assert await session.scalar_or_none(text("select 3")) == 3
            assert await session.execute(ADD_TAG, {"name": "noise"}) == 1
            assert await session.execute(text("delete from tags where name <> 'noise'")) == 2
            assert await session.execute(text("delete from tags where name = 'none'")) == 0
            for method in (session.one, session.scalar):
                with pytest.raises(NoResultFound):
                    await method(text("select 1 where false"))
            for method in (session.one, session.one_or_none, session.scalar, session.scalar_or_none):
                with pytest.raises(MultipleResultsFound):
                    await method(text("values (1), (2)"))
            with pytest.raises(UnknownQueryError, match="no_such_query"):
                await session.all("no_such_query")

    run(database, steps)
    assert tags(connection) == ["noise"]


def test_a_statement_commits_by_itself(database: str, connection: Connection) -> None:
    async def steps(opened: Database) -> None:
        await opened.execute(ADD_TAG, {"name": "alone"})
        assert tags(connection) == ["alone"]
        async with opened.connection() as held:
            await held.execute(ADD_TAG, {"name": "held"})
            assert tags(connection) == ["alone", "held"]
            assert await held.scalar(PID) == await held.scalar(PID)

    run(database, steps)


def test_a_transaction_is_committed_at_its_end(database: str, connection: Connection) -> None:
    async def steps(opened: Database) -> None:
        async with opened.transaction() as transaction:
            await transaction.execute(ADD_TAG, {"name": "first"})
            async with AsyncSession(transaction.connection) as orm, orm.begin():
                orm.add(Tag(name="second"))
            assert tags(connection) == []
        assert tags(connection) == ["first", "second"]

    run(database, steps)


def test_a_transaction_is_rolled_back_by_an_error(database: str, connection: Connection) -> None:
    async def add(opened: Database, *names: str) -> None:
        async with opened.transaction() as transaction:
            for name in names:
                await transaction.execute(ADD_TAG, {"name": name})
            raise LookupError("ours")

    async def steps(opened: Database) -> None:
        with pytest.raises(LookupError, match="ours"):
            await add(opened, "first")
        with pytest.raises(IntegrityError) as error:
            await add(opened, "twice", "twice")
        assert isinstance(error.value.orig, UniqueViolation)
        # errors go into logs: no value of a parameter is in them
        assert "twice" not in str(error.value).partition("[SQL")[2]
        assert await opened.all(TAGS) == []

    run(database, steps, pool_size=1)
    assert tags(connection) == []


def test_transactions_are_read_committed_whatever_the_server_prefers(database: str, connection: Connection) -> None:
    connection.execute(
        f"alter database {connection.info.dbname} set default_transaction_isolation = 'serializable'".encode()
    )

    async def steps(opened: Database) -> None:
        async with opened.transaction() as transaction:
            assert await transaction.scalar(text("show transaction_isolation")) == "read committed"

    run(database, steps)


def test_errors_of_the_commit_are_mapped(database: str, connection: Connection) -> None:
    """A deferred trigger runs at the commit; this one ends its own session there."""
    connection.execute(
        "create function end_session() returns trigger language plpgsql as "
        "$$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$"
    )
    connection.execute(
        "create constraint trigger ends after insert on tags deferrable initially deferred "
        "for each row execute function end_session()"
    )

    executed = []

    async def add(opened: Database) -> None:
        async with opened.transaction() as transaction:
            executed.append(await transaction.execute(ADD_TAG, {"name": "lost"}))

    async def steps(opened: Database) -> None:
        with pytest.raises(DatabaseUnavailableError, match="terminating connection"):
            await add(opened)
        assert executed == [1]
        assert await opened.all(TAGS) == []

    run(database, steps, pool_size=1)


def test_other_errors_of_the_commit_pass(database: str, connection: Connection) -> None:
    connection.execute("alter table tags add constraint late unique (created_at) deferrable initially deferred")

    executed = []

    async def add(opened: Database) -> None:
        async with opened.transaction() as transaction:
            executed.append(await transaction.execute(ADD_TAG, {"name": "first"}))
            executed.append(await transaction.execute(ADD_TAG, {"name": "second"}))

    async def steps(opened: Database) -> None:
        with pytest.raises(IntegrityError):
            await add(opened)

    run(database, steps)
    assert executed == [1, 1]
    assert tags(connection) == []


def test_a_server_that_is_not_there_is_unavailable() -> None:
    async def steps(opened: Database) -> None:
        with pytest.raises(DatabaseUnavailableError):
            await opened.all("models_in_use")
        with pytest.raises(DatabaseUnavailableError):
            async with opened.transaction():
                pytest.fail("there is no transaction")
        with pytest.raises(DatabaseUnavailableError):
            async with opened.connection():
                pytest.fail("there is no connection")

    run("postgresql://127.0.0.1:1/none", steps)


@pytest.mark.parametrize("kind", ["database", "transaction", "connection"])
def test_a_session_that_was_ended_is_unavailable_at_its_next_statement(
    database: str, connection: Connection, kind: str
) -> None:
    async def ask_in_vain(session: Session) -> None:
        with pytest.raises(DatabaseUnavailableError) as error:
            await session.scalar(PID)
        raise error.value

    async def ask_twice(opened: Database) -> None:
        async with session_of(opened, kind) as session:
            await session.scalar(PID)
            end_others(connection)
            await ask_in_vain(session)

    async def steps(opened: Database) -> None:
        with pytest.raises(DatabaseUnavailableError):
            await ask_twice(opened)
        # the pool has dropped it
        assert await opened.scalar(text("select 1")) == 1

    run(database, steps, pool_size=1)


def test_what_is_done_with_the_connection_itself_is_mapped_where_it_leaves_the_block(
    database: str, connection: Connection
) -> None:
    async def ask_twice(opened: Database) -> None:
        async with opened.transaction() as transaction:
            await transaction.scalar(PID)
            end_others(connection)
            await transaction.connection.execute(PID)

    async def steps(opened: Database) -> None:
        with pytest.raises(DatabaseUnavailableError):
            await ask_twice(opened)

    run(database, steps)


def test_a_database_that_can_only_be_read_says_so(database: str, connection: Connection) -> None:
    connection.execute(f"alter database {connection.info.dbname} set default_transaction_read_only = on".encode())

    async def steps(opened: Database) -> None:
        assert await opened.all(TAGS) == []
        with pytest.raises(ReadOnlyDatabaseError):
            await opened.execute(ADD_TAG, {"name": "new"})
        for held in (opened.transaction, opened.connection):
            with pytest.raises(ReadOnlyDatabaseError):
                async with held() as session:
                    await session.execute(ADD_TAG, {"name": "new"})

    run(database, steps)


def test_a_pool_without_a_free_connection_is_unavailable(database: str) -> None:
    async def steps(opened: Database) -> None:
        async with opened.connection() as held, Database.open(database, pool_size=1) as other:
            for attempt in (opened.all(TAGS), opened.connection().__aenter__(), opened.transaction().__aenter__()):
                with pytest.raises(DatabaseUnavailableError, match="all connections to Postgres are in use"):
                    await attempt
            # who holds a connection goes on, and another database has connections of its own
            assert await held.all(TAGS) == await other.all(TAGS) == []
        assert await opened.all(TAGS) == []

    run(database, steps, pool_size=1, pool_timeout=0.01)


def test_timeouts_hold_for_one_transaction(database: str) -> None:
    shown = text("select current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement")

    async def steps(opened: Database) -> None:
        async with opened.transaction(lock_timeout=0.25, statement_timeout=90) as transaction:
            assert tuple(await transaction.one(shown)) == ("250ms", "90s")
        async with opened.transaction(lock_timeout=1e-9) as transaction:
            assert tuple(await transaction.one(shown)) == ("1ms", "0")
        assert tuple(await opened.one(shown)) == ("0", "0")

    run(database, steps, pool_size=1)


@pytest.mark.parametrize("seconds", [0, -1.0, math.nan, math.inf, 2_147_484])
@pytest.mark.parametrize("name", ["lock_timeout", "statement_timeout"])
def test_a_timeout_is_a_positive_number_of_seconds(database: str, name: str, seconds: float) -> None:
    async def steps(opened: Database) -> None:
        with pytest.raises(ValueError, match=name):
            async with opened.transaction(**{name: seconds}):
                pytest.fail("there is no transaction")

    run(database, steps)


@pytest.mark.parametrize(
    ("name", "expected"), [("lock_timeout", LockNotAvailable), ("statement_timeout", QueryCanceled)]
)
def test_past_its_timeout_a_statement_fails(
    database: str, connection: Connection, name: str, expected: type[Exception]
) -> None:
    connection.execute("select pg_advisory_lock(7)")

    async def steps(opened: Database) -> None:
        with pytest.raises(DBAPIError) as error:
            async with opened.transaction(**{name: 0.01}) as transaction:
                await transaction.execute(text("select pg_advisory_lock(7)"))
        assert isinstance(error.value.orig, expected)

    run(database, steps)


def test_a_read_is_tried_once_more_after_a_lost_connection(database: str, connection: Connection) -> None:
    async def steps(opened: Database) -> None:
        await opened.scalar(PID)
        end_others(connection)
        assert await retry_read(lambda: opened.scalar(text("select 1"))) == 1

    run(database, steps, pool_size=1)


@pytest.mark.parametrize(
    ("state", "message", "attempts"),
    [
        ("XX000", "cache lookup failed for function 4711", 2),
        ("XX000", "cache lookup failed for type 4711", 2),
        ("XX000", "could not open relation with OID 4711", 2),
        ("0A000", "cached plan must not change result type", 2),
        ("42883", "function with OID 4711 does not exist", 2),
        ("42883", "function search.unified(unknown) does not exist", 1),
        ("XX000", "corrupted page pointers", 1),
    ],
)
def test_a_read_is_tried_once_more_after_a_migration(
    database: str, connection: Connection, state: str, message: str, attempts: int
) -> None:
    """What Postgres says where a migration is committed between the reading and the running of a statement."""
    connection.execute("create sequence public.attempts")
    connection.execute(
        "create function public.read_it() returns int language plpgsql as $$ begin "
        f"if nextval('public.attempts') = 1 then raise exception '{message}' using errcode = '{state}'; end if; "
        "return 1; end $$"
    )

    async def steps(opened: Database) -> None:
        reading = retry_read(lambda: opened.scalar(text("select read_it()")))
        if attempts == 2:
            assert await reading == 1
        else:
            with pytest.raises(DBAPIError, match=message.partition("(")[0]):
                await reading

    run(database, steps)
    assert connection.execute("select last_value from public.attempts").fetchone() == (attempts,)


def test_prepared_statements_of_before_a_migration_are_dropped(database: str, connection: Connection) -> None:
    """On all connections: the second attempt gets another one than the first."""
    size = 3
    connection.execute("create table search.changing (a integer)")

    async def steps(opened: Database) -> None:
        for _ in range(8):
            async with AsyncExitStack() as stack:
                held = [await stack.enter_async_context(opened.connection()) for _ in range(size)]
                for session in held:
                    assert await session.all(CHANGING) == []
        connection.execute("alter table search.changing add column b integer")
        for _ in range(2 * size):
            assert await retry_read(lambda: opened.all(CHANGING)) == []

    run(database, steps, pool_size=size)


@pytest.mark.parametrize(
    ("state", "failures", "succeeds"), [("40001", 1, True), ("40001", 2, False), ("P0001", 1, False)]
)
def test_a_read_is_tried_once_more_after_a_serialization_failure_alone(
    database: str, connection: Connection, state: str, failures: int, succeeds: bool
) -> None:
    # a sequence counts on when its statement is undone
    connection.execute("create sequence attempts")
    connection.execute(
        "create function read_it() returns int language plpgsql as "
        f"$$ begin if nextval('search.attempts') <= {failures} then raise exception using errcode = '{state}'; end if; "
        "return 1; end $$"
    )

    async def steps(opened: Database) -> None:
        async def read() -> int:
            found: int = await opened.scalar(text("select search.read_it()"))
            return found

        if succeeds:
            assert await retry_read(read) == 1
            return
        with pytest.raises(DBAPIError) as error:
            await retry_read(read)
        assert isinstance(error.value.orig, SerializationFailure) == (state == "40001")

    run(database, steps)
    expected = 1 if state == "P0001" else 2
    assert connection.execute("select last_value from attempts").fetchone() == (expected,)
