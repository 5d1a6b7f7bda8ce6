"""Who may find a row of an adopted table: the SQL function that its columns and its owner's rules come to."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from app.database.adoption.rules import (
    LINKS,
    OWNERS,
    WORDS,
    RuledColumn,
    Rules,
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
        unexplained: Whether one of the problems is a column of which the rules say nothing.
    """

    expression: str = ""
    columns: tuple[RuledColumn, ...] = ()
    wants_jobs: str = ""
    job_columns: tuple[RuledColumn, ...] = ()
    problems: tuple[str, ...] = ()
    hidden: str = ""
    unexplained: bool = False

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


@dataclass
class _Reader:
    """Reads the rules of one table, as Postgres understands them.

    Attributes:
        connection: To the database.
        table: Of the application.
        explained: Columns of which something is said.
        problems: Why others cannot be used.
    """

    connection: Connection
    table: str
    explained: set[str]
    problems: list[str] = field(default_factory=list)

    def usable(self, name: str, sqls: Iterable[str]) -> list[str]:
        """Those of a rule's expressions that Postgres takes."""
        taken = []
        for sql in sqls:
            try:
                columns = _columns_of(self.connection, self.table, sql)
            except psycopg.Error as error:
                reason = str(error).partition("\n")[0]
                self.problems.append(f"the rule {self.table}.{name} cannot be used: {reason} ({sql})")
            else:
                taken.append(sql)
                self.explained |= columns
        return taken


def read_row_visibility(
    connection: Connection, table: str, columns: Mapping[str, RuledColumn], rules: Rules
) -> RowVisibility:
    """What the columns of a table and the rules say about its rows; nothing is changed."""
    said = rules.of(table)
    reader = _Reader(connection, table, set(said.hides_nothing))
    clauses = {word: reader.usable(word, said.clauses.get(word, ())) for word in WORDS}
    only = [
        (_audience(table, name, rules), reader.usable(f"only_for.{name}", sqls)) for name, sqls in said.only_for.items()
    ]
    for _, word, sql in certain_clauses(table, columns, reader.explained):
        clauses[word].append(sql)
    unexplained = list(_unexplained(table, columns, reader.explained))
    # last: what has no jobs may be found all the same
    no_jobs = None if said.no_jobs is None else reader.usable("no_jobs", said.no_jobs)
    problems = [*reader.problems, *unexplained]
    if table in LINKS:
        return RowVisibility(problems=tuple(problems), hidden=_any(clauses["hidden"]), unexplained=bool(unexplained))
    asked = [(Literal(word).as_string(None), clauses[word]) for word in WORDS]
    # after what hides a row from all, or from all but its owner
    expression = _expression([*asked[:2], *only, *asked[2:]], columns, closed=bool(clauses["public"]))
    wants_jobs = _wants_jobs(expression, no_jobs) if table == "tracks" else ""
    if not problems:
        problems += _failing(connection, table, expression, wants_jobs)
    return RowVisibility(
        expression if expression.startswith("case ") else "",
        _read_by(connection, table, columns, expression) if not problems else (),
        wants_jobs,
        _read_by(connection, table, columns, wants_jobs) if wants_jobs and not problems else (),
        tuple(problems),
        unexplained=bool(unexplained),
    )


def _failing(connection: Connection, table: str, *expressions: str) -> Iterator[str]:
    """Why an expression cannot be computed for all rows that are there."""
    for expression in filter(None, expressions):
        try:
            connection.execute(SQL("select count({}) from {}").format(_given(expression), Identifier("public", table)))
        except psycopg.Error as error:
            yield f"the rules of {table} fail for a row: {str(error).partition(chr(10))[0]}"


def _read_by(
    connection: Connection, table: str, columns: Mapping[str, RuledColumn], sql: str
) -> tuple[RuledColumn, ...]:
    names = _columns_of(connection, table, f"({sql}) is null")
    return tuple(column for column in columns.values() if column.name in names)


def _wants_jobs(visibility: str, no_jobs: list[str] | None) -> str:
    if no_jobs is None:
        return (
            f"coalesce(({visibility}) = any (array['public', 'supporters', 'unlisted']) "
            f"or starts_with({visibility}, 'only:'), false)"
        )
    return f"not coalesce({_any(no_jobs)}, false)" if no_jobs else "true"


def _any(conditions: Iterable[str]) -> str:
    return " or ".join(f"({sql})" for sql in conditions)


def _audience(table: str, group: str, rules: Rules) -> str:
    # no viewer has a name that begins with a space
    return f"'only: {group}:' || {OWNERS[table]}" if rules.groups[group].owners else f"'only: {group}'"


def _expression(asked: Iterable[tuple[str, list[str]]], columns: Mapping[str, RuledColumn], *, closed: bool) -> str:
    """The word of a row; where it is said what is public, ``closed``, the rest is not understood."""
    cases = [f"when {_any(sqls)} then {word}" for word, sqls in asked if sqls]
    otherwise = "visibility::text" if "visibility" in columns else "'public'"
    if closed:
        otherwise = "'private'"
    return f"case {' '.join(cases)} else {otherwise} end" if cases else otherwise


def _columns_of(connection: Connection, table: str, sql: str) -> frozenset[str]:
    """The columns that a condition reads.

    Postgres takes it as an index takes an expression: it depends on one row alone, and not on time.

    Raises:
        psycopg.Error: It does not; the message says why.
    """
    with connection.transaction(force_rollback=True):
        # as the function finds what it names
        connection.execute("set local search_path = pg_catalog, pg_temp")
        connection.execute(SQL("create temporary table searched_rows (like {})").format(Identifier("public", table)))
        connection.execute(
            SQL("create index searched_idx on searched_rows ((case when {} then 1 end))").format(_given(sql))
        )
        found = connection.execute(
            "select a.attname::text from pg_depend d "
            "join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid "
            "where d.objid = 'pg_temp.searched_idx'::regclass and d.refobjid = 'pg_temp.searched_rows'::regclass"
        ).fetchall()
    return frozenset(str(name) for (name,) in found)


def _given(sql: str) -> SQL:
    """Text of a rules file, which only the owner of the tables can have read."""
    return SQL(sql)


def _unexplained(table: str, columns: Mapping[str, RuledColumn], explained: Collection[str]) -> Iterator[str]:
    rule = 'hidden = "...", or another rule that names it, or ' if "hidden" in rules_of(table) else ""
    for name in unexplained_columns(table, columns, explained):
        yield (
            f"{table}.{name} may say who may find a row, and search does not know what it says. Give rules for "
            f'[{table}]: {rule}hides_nothing = ["{name}"]'
        )


def suggest_ready_rules(connection: Connection, tables: Mapping[str, Mapping[str, RuledColumn]]) -> str | None:
    """Ready rules that explain every column which is to be explained; None where no such rules exist."""
    for name in list_ready_rules():
        rules = load_rules(name)
        found = (read_row_visibility(connection, table, columns, rules) for table, columns in tables.items())
        if not any(visibility.problems for visibility in found) and not any(refuse_groups(connection, rules)):
            return name
    return None


def groups_function(rules: Rules) -> str:
    """SQL that makes ``search.groups_of``; empty where there are no groups."""
    if not rules.groups:
        return ""
    members = [
        SQL("select {}::text || o.owner::text from ({}) as o (owner)").format(
            Literal(f" {name}:"), _given(group.owners)
        )
        if group.owners
        else SQL("select {}::text where ({})").format(Literal(f" {name}"), _given(group.viewers))
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


def refuse_groups(connection: Connection, rules: Rules) -> Iterator[str]:
    """Why groups of the rules cannot be used; nothing is changed."""
    for name, group in rules.groups.items():
        try:
            with connection.transaction(force_rollback=True):
                connection.execute("create schema if not exists search")
                connection.execute(groups_function(replace(rules, groups={name: group})).encode())
        except psycopg.Error as error:
            yield f"the rule groups.{name} cannot be used: {str(error).partition(chr(10))[0]}"
