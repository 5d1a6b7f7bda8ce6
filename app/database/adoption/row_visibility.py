"""Who may find a row of an adopted table: the SQL function that its columns and its owner's rules come to."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import psycopg
from psycopg.errors import UndefinedColumn, UndefinedTable
from psycopg.sql import SQL, Identifier, Literal

from app.database.adoption.rules import (
    LINKS,
    OWNERS,
    WORDS,
    RuledColumn,
    Rules,
    TableRules,
    certain_clauses,
    list_ready_rules,
    load_rules,
    rules_of,
    unexplained_columns,
)

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True)
class RowVisibility:
    """What a table's rows are to search.

    Attributes:
        expression: SQL over the columns of a row that gives one word of ``sql/functions/search/visibility.sql``; empty
            where the column ``visibility`` says it, or where all may find the rows.
        columns: The columns that it reads.
        wants_jobs: SQL over the columns of a track: whether it is to be embedded and classified.
        job_columns: The columns that this reads.
        problems: Why it is not known, each as a sentence that says what to do.
        hidden: SQL over the columns of a row of a table of links: whether search does not see it.
    """

    expression: str = ""
    columns: tuple[RuledColumn, ...] = ()
    wants_jobs: str = ""
    job_columns: tuple[RuledColumn, ...] = ()
    problems: tuple[str, ...] = ()
    hidden: str = ""

    def functions(self, table: str) -> str:
        """SQL that makes ``search.visibility_of_TABLE``, and ``search.wants_jobs`` of a track."""
        made = []
        if self.expression:
            made.append(
                _function(f"visibility_of_{table}", "text", self.columns, self.expression, _COMMENT.format(table=table))
            )
        if self.wants_jobs:
            made.append(_function("wants_jobs", "boolean", self.job_columns, self.wants_jobs, _JOBS_COMMENT))
        return "\n".join(made)


def _function(name: str, result: str, columns: Iterable[RuledColumn], expression: str, comment: str) -> str:
    types = {column.name: SQL(column.declared) for column in columns}
    statement = SQL(_FUNCTION).format(
        name=Identifier("search", name),
        parameters=SQL(", ").join(SQL("{} {}").format(Identifier(of), type_) for of, type_ in types.items()),
        result=SQL(result),
        expression=SQL(expression),
        types=SQL(", ").join(types.values()),
        comment=Literal(comment),
    )
    return statement.as_string(None)


_FUNCTION = """create or replace function {name}({parameters}) returns {result}
language sql immutable parallel safe
return {expression};
comment on function {name}({types}) is {comment};"""
_COMMENT = """Who may find a row of the table {table}, in a word that search.is_listed() knows.
Example: table search.{table}"""
_JOBS_COMMENT = """Whether a track is embedded and classified, by the rules of its owner.
Example: select id from search.tracks where not wants_jobs"""


def read_row_visibility(
    connection: Connection, table: str, columns: Mapping[str, RuledColumn], rules: Rules
) -> RowVisibility:
    """What the columns of a table and the rules say about its rows; nothing is changed."""
    said = rules.of(table)
    problems = list(_unexplained(table, columns, said))
    usable = partial(_usable, partial(_refusal, connection, table), rules, problems)
    certain = list(certain_clauses(table, columns, said))
    clauses = {
        word: [*usable(f"{table}.{word}", said.clauses.get(word, ())), *(sql for of, sql in certain if of == word)]
        for word in WORDS
    }
    if table in LINKS:
        return RowVisibility(problems=tuple(problems), hidden=_any(clauses["hidden"]))
    only = [
        (_audience(table, name, rules), usable(f"{table}.only_for.{name}", sqls))
        for name, sqls in said.only_for.items()
    ]
    asked = [(Literal(word).as_string(None), clauses[word]) for word in WORDS]
    # after what hides a row from all, or from all but its owner
    expression = _expression([*asked[:2], *only, *asked[2:]], columns, closed=bool(clauses["public"]))
    wants_jobs = ""
    if table == "tracks":
        wants_jobs = _wants_jobs(expression, None if said.no_jobs is None else usable("tracks.no_jobs", said.no_jobs))
    return RowVisibility(
        expression if expression.startswith("case ") else "",
        _mentioned(columns, expression),
        wants_jobs,
        _mentioned(columns, wants_jobs),
        tuple(problems),
    )


def _usable(
    refuse: Callable[[str], psycopg.Error | None], rules: Rules, problems: list[str], name: str, sqls: Iterable[str]
) -> list[str]:
    """Those of a rule's expressions that Postgres takes; why it does not take others goes to the problems."""
    taken = []
    for sql in sqls:
        refusal = refuse(sql)
        if refusal is None:
            taken.append(sql)
        elif not (rules.skip_missing_columns and isinstance(refusal, UndefinedColumn)):
            reason = str(refusal).partition("\n")[0]
            problems.append(f"the rule {name} cannot be used: {reason} ({sql})")
    return taken


def _wants_jobs(visibility: str, no_jobs: list[str] | None) -> str:
    if no_jobs is None:
        return (
            f"coalesce(({visibility}) = any (array['public', 'supporters', 'unlisted']) "
            f"or starts_with({visibility}, 'only:'), false)"
        )
    return f"not coalesce({_any(no_jobs)}, false)" if no_jobs else "true"


def _any(conditions: Iterable[str]) -> str:
    return " or ".join(f"({sql})" for sql in conditions)


def _mentioned(columns: Mapping[str, RuledColumn], sql: str) -> tuple[RuledColumn, ...]:
    read = TableRules({"all": (sql,)})
    return tuple(column for column in columns.values() if read.mentions(column.name))


def _audience(table: str, group: str, rules: Rules) -> str:
    return f"'only:{group}:' || {OWNERS[table]}" if rules.groups[group].owners else f"'only:{group}'"


def _expression(asked: Iterable[tuple[str, list[str]]], columns: Mapping[str, RuledColumn], *, closed: bool) -> str:
    """The word of a row; where it is said what is public, ``closed``, the rest is not understood."""
    cases = [f"when {_any(sqls)} then {word}" for word, sqls in asked if sqls]
    otherwise = "visibility::text" if "visibility" in columns else "'public'"
    if closed:
        otherwise = "'private'"
    return f"case {' '.join(cases)} else {otherwise} end" if cases else otherwise


def _refusal(connection: Connection, table: str, sql: str) -> psycopg.Error | None:
    """Why Postgres does not take an expression: what an index may be over depends on one row alone, and not on time."""
    statements = [
        SQL("create temporary table searched_rows (like {}) on commit drop").format(Identifier("public", table)),
        SQL("create index on searched_rows ((case when {} then 1 end))").format(_given(sql)),
    ]
    try:
        with connection.transaction(force_rollback=True):
            # as the function finds what it names
            connection.execute("set local search_path = pg_catalog, pg_temp")
            for statement in statements:
                connection.execute(statement)
    except psycopg.Error as error:
        return error
    return None


def _given(sql: str) -> SQL:
    """Text of a rules file, which only the owner of the tables can have read."""
    return SQL(sql)


def _unexplained(table: str, columns: Mapping[str, RuledColumn], said: TableRules) -> Iterator[str]:
    rule = 'hidden = "...", or another rule that names it, or ' if "hidden" in rules_of(table) else ""
    for name in unexplained_columns(table, columns, said):
        yield (
            f"{table}.{name} may say who may find a row, and search does not know what it says. Give rules for "
            f'[{table}]: {rule}hides_nothing = ["{name}"]'
        )


def suggest_ready_rules(tables: Mapping[str, Mapping[str, RuledColumn]]) -> str | None:
    """Ready rules that explain every column which is to be explained; None where no such rules exist."""
    for name in list_ready_rules():
        rules = load_rules(name)
        if not any(unexplained_columns(table, columns, rules.of(table)) for table, columns in tables.items()):
            return name
    return None


def groups_function(rules: Rules) -> str:
    """SQL that makes ``search.groups_of``; empty where there are no groups."""
    if not rules.groups:
        return ""
    members = [
        SQL("select {}::text || o.owner::text from ({}) as o (owner)").format(Literal(f"{name}:"), _given(group.owners))
        if group.owners
        else SQL("select {}::text where ({})").format(Literal(name), _given(group.viewers))
        for name, group in rules.groups.items()
    ]
    return SQL(_GROUPS).format(SQL("\n        union all\n        ").join(members)).as_string(None)


_GROUPS = """create or replace function search.groups_of(viewer text) returns text[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select coalesce(array_agg(g.name), '{{}}') from (
        {}
    ) as g (name);
end;
-- it reads what its caller may not
revoke execute on function search.groups_of(text) from public;
do $grants$
declare
    found text;
begin
    for found in select r.rolname from pg_roles r where r.rolname in ('vibe_app', 'vibe_reader') loop
        execute format('grant execute on function search.groups_of(text) to %I', found);
    end loop;
end;
$grants$;
comment on function search.groups_of(text) is 'The groups of a viewer, by the rules of the owner of the catalogue.
Example: select search.groups_of(''did:plc:anna'')';"""


def read_groups(connection: Connection, rules: Rules) -> tuple[Rules, list[str]]:
    """The rules with the groups that can be used, and why others cannot; nothing is changed."""
    usable, problems = {}, []
    for name, group in rules.groups.items():
        try:
            with connection.transaction(force_rollback=True):
                connection.execute("create schema if not exists search")
                connection.execute(groups_function(replace(rules, groups={name: group})).encode())
        except (UndefinedTable, UndefinedColumn) as error:
            # without the group, its rows are found by their owners alone
            if not rules.skip_missing_columns:
                problems.append(_unusable(name, error))
        except psycopg.Error as error:
            problems.append(_unusable(name, error))
        else:
            usable[name] = group
    return replace(rules, groups=usable), problems


def _unusable(group: str, error: psycopg.Error) -> str:
    return f"the rule groups.{group} cannot be used: {str(error).partition(chr(10))[0]}"
