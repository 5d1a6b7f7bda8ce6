"""The steps that bring tables, queue, functions, views and triggers of a database to this version."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from app.database.qualified_names import SAFE_PATH, Homes
from app.database.queue_schema import plan_queue_upgrade
from app.database.schema import (
    VERSION_TABLE,
    exists,
    head,
    note_oldest_compatible,
    note_state,
    note_superseded,
    oldest_compatible,
    pending_migrations,
    preparations,
    read_oldest_compatible,
    read_state,
)
from app.database.sql_files import SQL_DIR, repeatable_digest, trigger_scripts
from app.database.steps import CATALOGUE_FIRST, Step

if TYPE_CHECKING:
    from models.registry import ModelCard

Connection = psycopg.Connection[tuple[object, ...]]

_CONCURRENTLY = re.compile(r"create index concurrently (\w+) on")


def write_migrations(connection: Connection, revision: str | None, schema: str = "public") -> str:
    """SQL of the migrations after a revision, which notes the new one, and who can go on with it.

    Args:
        connection: To the database.
        revision: Its last migration; None in an empty one.
        schema: Where that is noted.
    """
    pending = pending_migrations(revision)
    scripts = [f"-- {name}\n{sql}" for name, sql in pending]
    if revision is None:
        scripts.insert(0, _VERSION)
        version = SQL("insert into {} values ({});")
    else:
        version = SQL("update {} set version_num = {};")
    table = Identifier(schema, VERSION_TABLE)
    oldest = oldest_compatible(pending)
    if revision is not None:
        oldest = max(oldest, read_oldest_compatible(connection) or oldest)
    return "\n".join(
        [
            *scripts,
            _RENAME_NEXT,
            version.format(table, Literal(head())).as_string(connection),
            note_oldest_compatible(oldest),
        ]
    )


_VERSION = f"""create table public.{VERSION_TABLE} (
    version_num varchar(32) not null,
    constraint {VERSION_TABLE}_pkc primary key (version_num)
);"""

_RENAME_NEXT = r"""do $$
declare
    made record;
begin
    for made in
        select c.oid::regclass as index, left(c.relname, -length('_next')) as name
        from pg_class c
        where c.relnamespace = 'search'::regnamespace and c.relkind = 'i' and c.relname like '%\_idx\_next'
    loop
        if to_regclass(format('search.%I', made.name)) is null then
            execute format('alter index %s rename to %I', made.index, made.name);
        else
            execute format('drop index %s', made.index);
        end if;
    end loop;
end;
$$;"""


def prepare_steps(connection: Connection, homes: Homes, revision: str) -> Iterator[Step]:
    """What migrations want done before, so that their transaction is short: columns, and indexes made concurrently."""
    for statement in preparations(revision):
        if "{model}" not in statement:
            yield from _prepare(connection, homes, statement)
            continue
        for (model,) in connection.execute("select id from search.models order by id").fetchall():
            if exists(connection, "to_regclass", f"search.embeddings_{model}"):
                yield from _prepare(connection, homes, statement.replace("{model}", str(model)))


def _prepare(connection: Connection, homes: Homes, statement: str) -> Iterator[Step]:
    title, _, sql = statement.partition("\n")
    title = title.removeprefix("-- ")
    index = _CONCURRENTLY.match(sql)
    if index is None:
        yield Step(title, sql, homes.path("search", "public"))
    elif not is_valid_index(connection, index[1]):
        if exists(connection, "to_regclass", f"search.{index[1]}"):
            # left behind by a run that was interrupted
            yield Step(f"unfinished {title}", f"drop index concurrently search.{index[1]};", None)
        yield Step(title, sql, None)


def is_valid_index(connection: Connection, name: str) -> bool:
    """Whether an index of search is there and can be used."""
    row = connection.execute(
        "select indisvalid from pg_index where indexrelid = to_regclass(%s)", [f"search.{name}"]
    ).fetchone()
    return row == (True,)


def queue_steps(connection: Connection, homes: Homes) -> Iterator[Step]:
    """The queue's tables, or those of its migrations that are missing."""
    queue = plan_queue_upgrade(connection, homes.queue)
    if queue.scripts:
        noted = SQL("insert into search.queue_migrations (name) select unnest({}::text[]);").format(
            Literal(queue.names)
        )
        # until the functions come: who changes a job by hand has another search_path
        pinned = homes.bind((SQL_DIR / "functions" / "jobs" / "queue_functions.sql").read_text(encoding="utf-8"))
        path = ", ".join(sorted(CATALOGUE_FIRST, key=homes.queue.__ne__))
        sql = "\n".join([*queue.scripts, pinned, noted.as_string(connection)])
        yield Step("\n".join(queue.done), sql, path)


def write_functions(script: str, homes: Homes, model: "ModelCard") -> str:
    """SQL of functions and views, and of the function that reads the store of the serving model."""
    values = [Literal(value) for value in (model.name, model.identity, model.dimensions, model.identity)]
    return "\n".join(
        [f"set local search_path = {SAFE_PATH};", homes.bind(script), SQL(_MODEL).format(*values).as_string(None)]
    )


_MODEL = """do $$
begin
    if exists (select from search.models where serving) then
        perform search_internal.bind_nearest_tracks();
    else
        perform search.register_model({}, {}, {});
        perform search.serve_model({});
    end if;
    perform search_internal.drop_overloads();
end;
$$;"""


def trigger_steps(homes: Homes, tables: Sequence[str]) -> Iterator[Step]:
    """Triggers of the catalogue's tables, each table for itself.

    Args:
        homes: Schemas of the tables themselves, where functions may read a view.
        tables: Those whose writers wait.
    """
    for script in trigger_scripts():
        locks = (script.stem,) if script.stem in tables else ()
        yield Step(f"triggers of {script.stem}", homes.bind(script.read_text(encoding="utf-8")), SAFE_PATH, locks)


def lacks_triggers(connection: Connection) -> bool:
    """Whether a trigger of the catalogue's tables is missing."""
    scripts = "\n".join(script.read_text(encoding="utf-8") for script in trigger_scripts())
    wanted = set(re.findall(r"create or replace trigger (\w+)[^;]*? on public\.(\w+)", scripts))
    rows = connection.execute(
        "select g.tgname::text, c.relname::text from pg_trigger g join pg_class c on c.oid = g.tgrelid "
        "where not g.tgisinternal and c.relnamespace = any (array['public', 'search']::regnamespace[])"
    ).fetchall()
    return not wanted <= set(rows)


def are_bound(connection: Connection, homes: Homes) -> bool:
    """Whether functions look for extensions where these are."""
    return (read_state(connection, "extensions") or "public") == homes.path()


def note_functions(connection: Connection, homes: Homes) -> str:
    """SQL that notes of which version the functions are, where they look, and whose processes can go on with them."""
    # versions before this key have theirs in "repeatable", and their processes look for it: it stays
    notes = [note_state("functions", repeatable_digest()), note_state("extensions", homes.path())]
    return "\n".join([note_superseded(connection), *notes])
