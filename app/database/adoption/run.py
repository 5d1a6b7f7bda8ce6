"""Letting search live beside a catalogue that an application already has."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable
from psycopg.sql import SQL, Literal

from app.database.adoption.plan import BATCH, AdoptionPlan, Step, plan_adoption
from app.database.adoption.rules import Rules
from app.database.connection import SEARCH_PATH, connect_session
from app.database.failures import guard_connection
from app.database.requirements import check_extensions, check_server, explaining_refusals
from app.database.schema import MIGRATION_LOCK
from app.errors import UserError

if TYPE_CHECKING:
    from models.registry import ModelCard

LOCK_TIMEOUT_MS = 500
"""How long a step may wait for a table or a row: whoever comes after it waits that long too."""

ATTEMPTS = 60
PAUSE_SECONDS = 1.0
"""Between two attempts at a step that did not get its lock."""

_WHAT_TO_DO = (
    "A transaction has been open for long: end it (pg_stat_activity has its xact_start), then run this again, "
    "which goes on from here"
)

_OUTSIDE = "set search_path = pg_catalog, pg_temp"
"""For steps that cannot be a transaction: an index calls functions, which must be Postgres's own."""

Connection = psycopg.Connection[tuple[object, ...]]
Show = Callable[[str, int, int], None]
"""Is told the title of a step, how far all of them are, and how far that is to be."""


def adopt(url: str, model: "ModelCard", show: Show | None = None, rules: Rules | None = None) -> list[str]:
    """Bring search to this version beside the tables of an application, which goes on writing to them meanwhile.

    Each step is a transaction of its own that waits for no lock longer than ``LOCK_TIMEOUT_MS`` and is tried again
    instead. Interrupted, it goes on where it ended.

    Args:
        url: libpq URL of the database.
        model: The model that is to serve when none does yet.
        show: Is told about each step.
        rules: Who may find a row; None for the rules of the last adoption.

    Returns:
        The titles of the steps; empty when there was nothing to do.

    Raises:
        UserError: The catalogue cannot be adopted, or a lock could not be had.
        DatabaseUnavailableError: The server does not answer.
    """
    with alone(url) as connection:
        plan = plan_adoption(connection, model, rules)
        _refuse_problems(plan)
        total, over = sum(step.size for step in plan.steps), 0
        for number, step in enumerate(plan.steps):
            for done in _run(connection, step):
                if show is not None:
                    show(step.title, over + min(done, step.size), total)
            over += step.size
            if number == 0:
                # what was there already may be too old
                check_extensions(connection)
    return [step.title for step in plan.steps]


def preview_adoption(url: str, model: "ModelCard", rules: Rules | None = None) -> AdoptionPlan:
    """What ``adopt`` would do.

    Raises:
        UserError: The server is too old, or the catalogue cannot be adopted.
        DatabaseUnavailableError: The server does not answer.
    """
    with alone(url) as connection:
        plan = plan_adoption(connection, model, rules)
    _refuse_problems(plan)
    return plan


def _refuse_problems(plan: AdoptionPlan) -> None:
    """Refuse a catalogue with problems, naming them all.

    Raises:
        UserError: There are some.
    """
    if plan.catalogue.problems:
        raise UserError(
            "this catalogue cannot be adopted yet:\n" + "\n".join(f"- {text}" for text in plan.catalogue.problems)
        )


@contextmanager
def alone(url: str) -> Iterator[Connection]:
    """A connection that commits each statement by itself, while no other migrates or adopts."""
    with guard_connection(), connect_session(url) as connection:
        connection.autocommit = True
        check_server(connection)
        connection.execute("set statement_timeout = 0")
        connection.execute("select pg_advisory_lock(%s)", [MIGRATION_LOCK])
        yield connection


def _run(connection: Connection, step: Step) -> Iterator[int]:
    """Yields how far it is: once before, and for entities after each batch of them."""
    yield 0
    with explaining_refusals():
        if step.path is None:
            # it waits for transactions, and keeps nobody waiting
            connection.execute(_OUTSIDE.encode())
            connection.execute(step.sql.encode())
            connection.execute(SEARCH_PATH.encode())
        elif step.kind is None:
            run_step(connection, step, step.sql)
        else:
            after, done = _next(connection, step, None), 0
            while after is not None:
                done += BATCH
                yield done
                after = _next(connection, step, after)


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
                return None if row is None else row[0]
        except (LockNotAvailable, DeadlockDetected) as error:
            if attempt == ATTEMPTS:
                refusal = str(error).partition("\n")[0]
                raise UserError(f"{step.title}: {refusal}, {ATTEMPTS} times. {_WHAT_TO_DO}") from error
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("unreachable")


def write_script(plan: AdoptionPlan) -> str:
    """The SQL of a plan, as psql runs it."""
    said = [f"-- {limit}" for limit in plan.catalogue.limits]
    parts = ["\\set ON_ERROR_STOP on", SEARCH_PATH + ";", *said]
    for step in plan.steps:
        parts.append(f"\n-- {step.title}" + (f": locks {', '.join(step.locks)} for a moment" if step.locks else ""))
        if step.path is None:
            parts += [f"{_OUTSIDE};", step.sql, f"{SEARCH_PATH};"]
        elif step.kind is None:
            settings = f"set local lock_timeout = {LOCK_TIMEOUT_MS};\nset local search_path = {step.path};"
            parts.append(f"begin;\n{settings}\n{step.sql.rstrip()}\ncommit;")
        else:
            parts.append(_loop(step))
    return "\n".join(parts) + "\n"


def _loop(step: Step) -> str:
    call = step.sql.removeprefix("select ").removesuffix(";").replace(":after", "last")
    return _LOOP.format(call=call)


_LOOP = """do $$
declare
    last text;
begin
    loop
        last := {call};
        commit;
        exit when last is null;
    end loop;
end;
$$;"""
