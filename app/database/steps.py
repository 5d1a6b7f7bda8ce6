"""The steps by which a database is brought to a version: each short where others wait, tried again, resumable."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable
from psycopg.sql import SQL, Literal

from app.database.connection import SEARCH_PATH, connect_session
from app.database.failures import guard_connection
from app.database.requirements import check_server, explaining_refusals
from app.database.schema import await_migrations
from app.errors import UserError

LOCK_TIMEOUT_MS = 500
"""How long a step may wait for a table or a row: others that come after it wait that long, too."""

_TIMEOUTS = {
    "statement_timeout": 0,
    "lock_timeout": 0,
    "idle_in_transaction_session_timeout": 0,
    "idle_session_timeout": 0,
    "transaction_timeout": 170000,
}
"""What a role may have set, and would end a step, with the version of Postgres from which on it is there."""

ATTEMPTS = 60
PAUSE_SECONDS = 1.0
"""Between two attempts at a step that did not get its lock."""

CATALOGUE_FIRST = ("public", "search")
"""Where migrations look, and then into the schemas of extensions; what they make belongs beside the catalogue."""

SEARCH_FIRST = "search, public"

_WHAT_TO_DO = (
    "A transaction has been open for long{oldest}: end it (pg_stat_activity has its xact_start), then run this again, "
    "which goes on from here"
)

_OUTSIDE = "set search_path = pg_catalog, pg_temp"
"""For steps that cannot be a transaction: an index calls functions, which must be Postgres's own."""

Connection = psycopg.Connection[tuple[object, ...]]

Show = Callable[[str, int, int], None]
"""Is told the title of a step, how far all of them are, and how far that is to be."""


@dataclass(frozen=True)
class Step:
    """Statements that run together.

    Attributes:
        title: What they do, a line for each thing.
        sql: The statements.
        path: search_path of their transaction; None where they run outside of one, as a concurrent index has to.
        locks: Tables of the application whose writers wait until the transaction ends.
        after: Not None where ``sql`` is to be run again and again, each time with the key that it returned in the place
            of ``:after``, until it returns none. The key to begin with, which is empty for the first one.
        size: For a progress bar: how many rows that are; else 1.
        batch: How many of them each run of ``sql`` takes.
        check: Looks at the result before it is committed, and raises where it will not do.
        told: Whether it is among what was done; what is done each time is not.
    """

    title: str
    sql: str
    path: str | None = SEARCH_FIRST
    locks: tuple[str, ...] = ()
    after: str | None = None
    size: int = 1
    batch: int = 1
    check: Callable[[Connection], None] | None = None
    told: bool = True


@contextmanager
def alone(url: str) -> Iterator[Connection]:
    """A connection that commits each statement by itself, while no other migrates or adopts.

    Raises:
        UserError: The server is too old, or lacks something.
        DatabaseUnavailableError: The server does not answer.
    """
    with guard_connection(), connect_session(url) as connection:
        connection.autocommit = True
        check_server(connection)
        for name, since in _TIMEOUTS.items():
            if connection.info.server_version >= since:
                connection.execute(f"set {name} = 0".encode())
        await_migrations(connection)
        yield connection


def run_steps(connection: Connection, steps: Sequence[Step], show: Show | None = None) -> list[str]:
    """Run steps one after the other.

    Args:
        connection: Of ``alone``.
        steps: In their order.
        show: Is told about each step.

    Returns:
        Their titles, those of several lines as several.

    Raises:
        UserError: A lock could not be had, or the role may not do it.
    """
    total, over = sum(step.size for step in steps), 0
    for step in steps:
        for done in _run(connection, step):
            if show is not None:
                show(_in_a_line(step), over + min(done, step.size), total)
        over += step.size
    return [line for step in steps if step.told for line in step.title.splitlines()]


def _run(connection: Connection, step: Step) -> Iterator[int]:
    """Yields how far it is: once before, and after each batch of rows."""
    yield 0
    with explaining_refusals():
        if step.path is None:
            _run_outside(connection, step)
        elif step.after is None:
            run_step(connection, step, step.sql)
        else:
            after, done = _next(connection, step, step.after or None), 0
            while after is not None:
                done += step.batch
                yield done
                after = _next(connection, step, after)


def _run_outside(connection: Connection, step: Step) -> None:
    """Run a statement that is no transaction: it waits for those of others, and no one waits for it.

    Raises:
        UserError: Another transaction was not over in time. What is left behind is removed by the next run.
    """
    connection.execute(_OUTSIDE.encode())
    connection.execute(SQL("set lock_timeout = {}").format(Literal(f"{ATTEMPTS * PAUSE_SECONDS:g}s")))
    try:
        connection.execute(step.sql.encode())
    except (LockNotAvailable, DeadlockDetected) as error:
        raise UserError(_explain_wait(connection, step, error)) from error
    finally:
        if not connection.closed:
            connection.execute(b"reset lock_timeout")
            connection.execute(SEARCH_PATH.encode())


def _explain_wait(connection: Connection, step: Step, error: psycopg.Error) -> str:
    """Which step waited in vain, and the transaction that is open the longest."""
    oldest = connection.execute(_OLDEST.encode()).fetchone()
    told = f" ({oldest[0]} since {oldest[1]})" if oldest is not None else ""
    return f"{_in_a_line(step)}: {str(error).partition(chr(10))[0]}. {_WHAT_TO_DO.format(oldest=told)}"


_OLDEST = """
    select 'process ' || a.pid || coalesce(' of ' || nullif(a.application_name, ''), ''),
           date_trunc('second', a.xact_start)
    from pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_backend_pid() and a.xact_start is not null
    order by a.xact_start limit 1
"""


def _next(connection: Connection, step: Step, after: object) -> object:
    return run_step(connection, step, step.sql.replace(":after", Literal(after).as_string(connection)))


def run_step(connection: Connection, step: Step, sql: str) -> object:
    """Run statements in a transaction, again where it did not get its locks; the one value that they return, if any.

    Raises:
        UserError: The locks could not be had.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with connection.transaction():
                connection.execute(SQL("set local lock_timeout = {}").format(Literal(LOCK_TIMEOUT_MS)))
                connection.execute(f"set local search_path = {step.path}".encode())
                cursor = connection.execute(sql.encode())
                row = cursor.fetchone() if cursor.description is not None else None
                if step.check is not None:
                    connection.execute(f"set local search_path = {SEARCH_FIRST}".encode())
                    step.check(connection)
                return None if row is None else row[0]
        except (LockNotAvailable, DeadlockDetected) as error:
            if attempt == ATTEMPTS:
                raise UserError(_explain_wait(connection, step, error)) from error
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("unreachable")


def _in_a_line(step: Step) -> str:
    return ", ".join(step.title.splitlines())


def write_steps(steps: Sequence[Step]) -> str:
    """The SQL of steps, as psql runs it."""
    parts = []
    for step in steps:
        parts.append(
            f"\n-- {_in_a_line(step)}" + (f": locks {', '.join(step.locks)} for a moment" if step.locks else "")
        )
        if step.path is None:
            parts += [f"{_OUTSIDE};", step.sql, f"{SEARCH_PATH};"]
        elif step.after is None:
            settings = f"set local lock_timeout = {LOCK_TIMEOUT_MS};\nset local search_path = {step.path};"
            parts.append(f"begin;\n{settings}\n{step.sql.rstrip()}\ncommit;")
        else:
            parts.append(_loop(step))
    return "\n".join(parts)


def _loop(step: Step) -> str:
    call = step.sql.removeprefix("select ").removesuffix(";").replace(":after", "last")
    first = "null" if not step.after else Literal(step.after).as_string(None)
    return _LOOP.format(call=call, first=first)


_LOOP = """do $$
declare
    last text := {first};
begin
    loop
        last := {call};
        commit;
        exit when last is null;
    end loop;
end;
$$;"""
