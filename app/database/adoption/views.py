"""What search reads in place of an application's tables: views, and the functions that say who may find their rows."""

from collections.abc import Iterable, Iterator

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from app.database.adoption.existing_catalogue import ExistingCatalogue, ExistingTable
from app.database.adoption.row_visibility import RowVisibility, groups_function
from app.database.adoption.rules import RuledColumn, quote
from app.database.qualified_names import Homes, read_extensions

Connection = psycopg.Connection[tuple[object, ...]]


def adopted_homes(connection: Connection, catalogue: ExistingCatalogue) -> Homes:
    """Where functions find what the SQL files name in public, once the catalogue is adopted."""
    viewed = [table.name for table in catalogue.tables.values() if table.needs_view]
    return Homes(
        dict.fromkeys([*viewed, *catalogue.missing], "search"),
        "search",
        read_extensions(connection),
        {name: tuple(quote(column.name) for column in seen.columns) for name, seen in _ruled(catalogue).items()},
        catalogue.rules.unlisted,
        groups=bool(catalogue.rules.groups),
        jobs=tuple(quote(column.name) for seen in _said(catalogue).values() for column in seen.job_columns),
    )


def _said(catalogue: ExistingCatalogue) -> dict[str, RowVisibility]:
    """The tables of whose rows something is said by columns or rules."""
    found = {name: table.visibility for name, table in catalogue.tables.items()}
    return {name: visibility for name, visibility in found.items() if visibility is not None}


def _ruled(catalogue: ExistingCatalogue) -> dict[str, RowVisibility]:
    """The tables whose columns or rules say who may find a row."""
    return {name: visibility for name, visibility in _said(catalogue).items() if visibility.expression}


def rule_functions(catalogue: ExistingCatalogue) -> str:
    """SQL of the functions that say who may find rows, which have jobs, and who is in which group."""
    functions = [visibility.functions(name) for name, visibility in _said(catalogue).items()]
    return "\n".join([*functions, groups_function(catalogue.rules)])


def drop_former_functions(catalogue: ExistingCatalogue) -> str:
    """SQL that drops the functions of former rules, which nothing calls once the triggers are made anew."""
    signatures = [f"search.visibility_of_{name}({_types(seen.columns)})" for name, seen in _ruled(catalogue).items()]
    signatures += [
        f"search.wants_jobs({_types(seen.job_columns)})" for seen in _said(catalogue).values() if seen.wants_jobs
    ]
    kept = [SQL("{}::regprocedure").format(Literal(signature)) for signature in signatures]
    if catalogue.rules.groups:
        kept.append(SQL("{}::regprocedure").format(Literal("search.groups_of(text)")))
    return SQL(_DROP_FORMER).format(SQL(", ").join(kept)).as_string(None)


def _types(columns: Iterable[RuledColumn]) -> str:
    return ",".join(column.declared for column in columns)


_DROP_FORMER = r"""do $$
declare
    former regprocedure;
begin
    for former in
        select p.oid from pg_proc p
        where p.pronamespace = 'search'::regnamespace
          and (p.proname like 'visibility\_of\_%' or p.proname in ('wants_jobs', 'groups_of'))
          and p.oid <> all (array[{}]::regprocedure[])
    loop
        execute format('drop function %s', former);
    end loop;
end;
$$;"""


def write_views(connection: Connection, catalogue: ExistingCatalogue) -> str:
    """SQL of the views of tables that search does not read as they are."""
    return "\n".join(_view(connection, table) for table in catalogue.tables.values() if table.needs_view)


def _view(connection: Connection, table: ExistingTable) -> str:
    """What search sees instead of a table that lacks something; rows can be written through it."""
    view = Identifier("search", table.name)
    ruled = table.visibility is not None and table.visibility.expression != ""
    shown_as_they_are = {name: sql for name, sql in table.columns.items() if name != "visibility" or not ruled}
    columns = [SQL("{} as {}").format(_raw(sql), Identifier(name)) for name, sql in shown_as_they_are.items()]
    columns += [SQL("t.{}").format(Identifier(name)) for name in table.defaults if name not in table.columns]
    if table.visibility is not None:
        columns += _visibility_columns(table.name, table.visibility)
    shown = SQL(",\n       ").join(columns)
    comment = Literal(f"The table {table.name} of the adopted catalogue, as search needs it.")
    statements = [
        SQL("create view {} as\nselect {}\nfrom {} t{};").format(
            view, shown, Identifier("public", table.name), _condition(table)
        ),
        *(
            SQL("alter view {} alter column {} set default {};").format(view, Identifier(name), _raw(sql))
            for name, sql in table.defaults.items()
        ),
        SQL("comment on view {} is {};").format(view, comment),
    ]
    return "\n".join(statement.as_string(connection) for statement in statements)


def _condition(table: ExistingTable) -> SQL:
    """What is hidden, or not known to be shown, is left out."""
    hidden = "" if table.visibility is None else table.visibility.hidden
    return SQL(f"\nwhere not coalesce({hidden}, true)") if hidden else SQL("")


def _visibility_columns(table: str, visibility: RowVisibility) -> Iterator[Composed]:
    if visibility.expression:
        function = Identifier("search", f"visibility_of_{table}")
        yield SQL("{}({}) as visibility").format(function, _arguments(visibility.columns))
        if table == "tracks":
            yield SQL("t.visibility as {}").format(Identifier("stated_visibility"))
    if visibility.wants_jobs:
        yield SQL("{}({}) as wants_jobs").format(Identifier("search", "wants_jobs"), _arguments(visibility.job_columns))


def _arguments(columns: Iterable[RuledColumn]) -> Composed:
    return SQL(", ").join(SQL("t.{}").format(Identifier(column.name)) for column in columns)


def _raw(sql: str) -> SQL:
    """Text of app.database.adoption.catalogue_columns."""
    return SQL(sql)
