"""Letting go of an application's tables, so that its own migration can change them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import psycopg
from psycopg.sql import SQL, Identifier

from app.database.adoption.catalogue_columns import CATALOGUE
from app.database.adoption.guarded_triggers import guard_triggers
from app.database.qualified_names import SAFE_PATH, Homes, read_extensions
from app.database.schema import is_adopted, read_state
from app.database.sql_files import load_statement, repeatable_script
from app.database.steps import LOCK_TIMEOUT_MS, Step, alone, run_step
from app.errors import UserError

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True)
class ReleasePlan:
    """What is taken away.

    Attributes:
        triggers: Names of triggers, by the table of the application; empty where all is released already.
        sql: The statements of one transaction; empty likewise.
    """

    triggers: dict[str, list[str]] = field(default_factory=dict)
    sql: str = ""


def release(url: str, *, dry_run: bool = False) -> ReleasePlan:
    """Take the triggers and views of search off the application's tables, in one transaction.

    Until ``adopt`` is run again, search reads nothing of the catalogue and refuses every search: it does not know which
    rows the application hides meanwhile. Names are forgotten, and read again by that adoption. Foreign keys and indexes
    stay.

    Args:
        url: libpq URL of an adopted database, as the owner of its tables.
        dry_run: Whether to change nothing.

    Raises:
        UserError: The catalogue is not adopted, or a lock could not be had.
        DatabaseUnavailableError: The server does not answer.
    """
    with alone(url) as connection:
        if not is_adopted(connection):
            raise UserError("this database was not adopted: there is nothing to release")
        if read_state(connection, "released") is not None:
            return ReleasePlan()
        plan = _plan(connection)
        if not dry_run:
            tables = ", ".join(plan.triggers)
            run_step(connection, Step(f"release of {tables}", plan.sql, SAFE_PATH), plan.sql)
    return plan


def write_release(plan: ReleasePlan) -> str:
    """The SQL of a release, as psql runs it."""
    if not plan.sql:
        return "-- released already\n"
    settings = f"set local lock_timeout = {LOCK_TIMEOUT_MS};\nset local search_path = {SAFE_PATH};"
    return f"\\set ON_ERROR_STOP on\nbegin;\n{settings}\n{plan.sql}\ncommit;\n"


_FORGOTTEN = (
    "search.documents, search.words, search.word_deletions, search.word_count_changes, search.track_count_changes"
)


def _plan(connection: Connection) -> ReleasePlan:
    triggers: dict[str, list[str]] = {}
    dropped = []
    for _, table, name in connection.execute(load_statement("release_triggers")).fetchall():
        triggers.setdefault(str(table), []).append(str(name))
        statement = SQL("drop trigger {} on {};").format(Identifier(str(name)), Identifier("public", str(table)))
        dropped.append(statement.as_string(connection))
    homes = Homes(dict.fromkeys(CATALOGUE, "search"), "search", read_extensions(connection))
    statements = [
        # first writers: each has locked its table when its triggers come to other tables and to what search keeps
        f"lock table {', '.join(_in_order(triggers))} in share row exclusive mode;",
        *dropped,
        f"truncate {_FORGOTTEN};",
        *_views(connection),
        homes.bind(_refuse(guard_triggers(repeatable_script()))),
        "delete from search.schema_state where key in ('adopted', 'documents', 'filling');",
        "insert into search.schema_state values ('released', now()::text);",
    ]
    return ReleasePlan(triggers, "\n".join(statements))


def _in_order(tables: Iterable[str]) -> list[str]:
    """Those that others refer to first, as a deletion goes through them."""
    places = {name: place for place, name in enumerate(CATALOGUE)}
    ordered = sorted(tables, key=lambda name: places.get(name, len(places)))
    return [Identifier("public", name).as_string(None) for name in ordered]


def _views(connection: Connection) -> list[str]:
    """All views go, and functions with the same ties.

    In place of each table stands a view that refuses to be read, with the same columns.
    """
    dropped = [
        SQL("drop view if exists {} cascade;").format(Identifier("search", str(name)))
        for (name,) in connection.execute(load_statement("release_views")).fetchall()
    ]
    functions = [
        f"drop function if exists {name} cascade;"
        for (name,) in connection.execute(load_statement("release_functions")).fetchall()
    ]
    columns: dict[str, list[str]] = {}
    read = sorted({column.name for named in CATALOGUE.values() for column in named})
    found = connection.execute(
        load_statement("release_columns"), {"tables": list(CATALOGUE), "columns": read}
    ).fetchall()
    for table, name, kind in found:
        # no constant: the planner would see that a join with it is empty, and leave the view out
        shown = SQL("case when released.refused then null::{} end as {}").format(SQL(str(kind)), Identifier(str(name)))
        columns.setdefault(str(table), []).append(shown.as_string(connection))
    made = [
        f"create view search.{table} as\nselect {', '.join(shown)}\n"
        "from search_internal.refuse_released() as released (refused);"
        for table, shown in columns.items()
    ]
    return [*(statement.as_string(connection) for statement in dropped), *functions, *made]


def _refuse(script: str) -> str:
    """Functions in which a search that finds no name is refused as well."""
    opening, found, rest = script.partition("create or replace function search_internal.ranked_page(")
    if not found:
        raise ValueError("the function search_internal.ranked_page is missing")
    return opening + found + rest.replace("\nbegin\n", "\nbegin\n    perform search_internal.refuse_released();\n", 1)
