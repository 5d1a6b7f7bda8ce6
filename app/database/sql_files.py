"""Reading the .sql files that the database runs."""

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql.psycopg import dialect

from app.database.named_queries import NamedQuery, find_query, read_queries

if TYPE_CHECKING:
    import psycopg

SQL_DIR = Path(__file__).resolve().parents[2] / "sql"
"""Folder of all SQL: migrations, functions, views, triggers and named queries."""


@cache
def load_query(name: str) -> TextClause:
    """The statement of a name in the files of sql/queries, with its ``:name`` parameters to be bound.

    Raises:
        UnknownQueryError: There is no such statement.
        QueryFileError: A file is not in the form that `app.database.named_queries` describes.
    """
    return text(find_query(_queries(), name).statement)


@cache
def load_statement(name: str) -> bytes:
    """The same statement for psycopg itself: its ``:name`` parameters are written ``%(name)s``.

    Raises:
        UnknownQueryError: There is no such statement.
        QueryFileError: As `load_query`.
    """
    compiled = load_query(name).compile(dialect=dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy has no types for it
    return str(compiled).encode()


@cache
def _queries() -> dict[str, NamedQuery]:
    return read_queries(SQL_DIR / "queries")


def run_script(connection: "psycopg.Connection[tuple[object, ...]]", script: str) -> None:
    """Run several statements in the transaction of a connection.

    Scripts come from files of this project or of a dependency and take no parameters.
    """
    connection.execute(script.encode())


def repeatable_scripts() -> list[Path]:
    """Files that every migrate applies again: functions first, then the views that use them.

    Functions are in the order of their files' names, whatever their folder: a move changes no digest.
    """
    functions = sorted((SQL_DIR / "functions").rglob("*.sql"), key=lambda script: (script.name, script))
    return [*functions, *sorted((SQL_DIR / "views").glob("*.sql"))]


def repeatable_script() -> str:
    """All of them as one, to be bound to the schemas of a database and run with ``qualified_names.SAFE_PATH``."""
    functions = [script for script in repeatable_scripts() if script.parent.name != "views"]
    views = [script for script in repeatable_scripts() if script.parent.name == "views"]
    parts = [_BEFORE_REPEATABLE, *map(_read, functions), _BETWEEN, *map(_read, views)]
    return "\n".join(parts)


def _read(script: Path) -> str:
    return script.read_text(encoding="utf-8")


_BETWEEN = "do $$ begin perform search_internal.drop_overloads(); end $$;\n"


_BEFORE_REPEATABLE = """-- they may name each other in any order
set local check_function_bodies = off;
-- a role that is no superuser may set an extension's parameter only once its library is loaded
select public.show_trgm('loaded'), '[1]'::public.halfvec;
-- the last command that has written a function: a migration of this transaction may have moved some
select set_config('vibe_search.functions_before', coalesce(max(p.cmin::text::bigint), -1)::text, true)
from pg_proc p where p.xmin = pg_current_xact_id()::xid;
"""


def trigger_scripts() -> list[Path]:
    """What every migrate applies after those: the triggers of the catalogue's tables, a file a table."""
    return sorted((SQL_DIR / "triggers").glob("*.sql"))


def repeatable_digest(*names: str) -> str:
    """sha-256 over repeatable scripts, by which a database tells whether it has these very ones.

    Args:
        names: Only those files, without their extension; none means all.
    """
    digest = hashlib.sha256()
    for script in [*repeatable_scripts(), *trigger_scripts()]:
        if not names or script.stem in names:
            digest.update(script.name.encode() + b"\0" + script.read_bytes() + b"\0")
    return digest.hexdigest()
