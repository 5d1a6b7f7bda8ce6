"""The named statements: their files, their names, and whether Postgres understands them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.database import EmbeddedPostgres, load_query, load_statement
from app.database.named_queries import QueryFileError, UnknownQueryError, parse_queries, read_queries
from app.database.sql_files import SQL_DIR

ROOT = SQL_DIR.parent
QUERIES = read_queries(SQL_DIR / "queries")

UNPLANNED = {
    "benchmark_schema": "creates tables, in several statements",
    "benchmark_after_load": "several statements, for a database that was just loaded",
    "benchmark_nearest": "the partition and the dimensions are put in as text before it runs",
}
"""Statements that cannot be planned as they are, each with the reason."""


def test_statements_are_described_in_a_sentence() -> None:
    for query in QUERIES.values():
        assert re.fullmatch(r"[A-Z].*\.", query.description), f"{query.place}: {query.description}"
        assert len(query.description) <= 130, query.place


def test_files_say_what_they_hold_and_stay_short() -> None:
    files = sorted((SQL_DIR / "queries").iterdir())
    assert {query.place.split(":")[0] for query in QUERIES.values()} == {file.name for file in files}
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert re.match(r"-- [A-Z`][^\n]*\.\n\n", text), file.name
        assert text.count("\n") < 300, file.name


def test_names_in_the_code_and_in_the_files_are_the_same() -> None:
    used = set(_names_in_code("app", "workers", "scripts", "services"))
    patterns = [re.compile(pattern) for pattern in used]
    assert [pattern.pattern for pattern in patterns if not any(map(pattern.fullmatch, QUERIES))] == []
    assert [name for name in QUERIES if not any(pattern.fullmatch(name) for pattern in patterns)] == []


def test_names_in_the_tests_exist() -> None:
    assert set(_names_in_code("tests")) <= QUERIES.keys()


def statement_of(name: str) -> str:
    """The statement of a name with the parameters of Postgres: ``$1`` for the first."""
    numbers: dict[str, int] = {}

    def numbered(found: re.Match[str]) -> str:
        return "%" if found[0] == "%%" else f"${numbers.setdefault(found[1], len(numbers) + 1)}"

    return re.sub(r"%%|%\((\w+)\)s", numbered, load_statement(name).decode())


@pytest.mark.parametrize("name", sorted(QUERIES.keys() - UNPLANNED.keys()))
def test_postgres_plans_the_statement(planning: psycopg.Connection[Any], name: str) -> None:
    plan = planning.execute(f"explain (generic_plan) {statement_of(name)}".encode()).fetchall()
    assert plan


@pytest.fixture(scope="module")
def planning(server: EmbeddedPostgres, template: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the migrated template, which plans statements and runs none."""
    with psycopg.connect(server.url, autocommit=True, dbname=template) as connection:
        yield connection


def test_parameters_and_casts_reach_sqlalchemy() -> None:
    assert set(load_query("insert_track")._bindparams) == {  # noqa: SLF001 - there is no public list
        "artist_did", "album_id", "title", "file_id", "file_type", "r2_url", "visibility", "extra",
    }  # fmt: skip
    assert b"%(vector)s ::public.halfvec" in load_statement("benchmark_exact_nearest")


def test_a_statement_keeps_its_comments_and_loses_its_header() -> None:
    assert str(load_query("store_embedding")).startswith("-- the lock holds off")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("select 1\n", "topic.sql:1: the statement has no name"),
        ("-- About.\n\n-- one: First.\nselect 1\n\nselect 2\n", "topic.sql:6: the statement has no name"),
        ("-- one: First.\nselect 1\n\n-- Second.\n", "topic.sql:4: the statement has no name"),
        ("-- About.\n\n-- one:\nselect 1\n", "topic.sql:3: one has no description"),
        ("-- one: First.\n\nselect 1\n", "topic.sql:1: one has no statement"),
        ("-- one: First.\nselect 1\n-- two: Second.\nselect 2\n", "topic.sql:3: a header stands within one"),
    ],
)
def test_what_is_not_in_the_form_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(QueryFileError, match=re.escape(message)):
        parse_queries(text, "topic.sql")


def test_a_name_in_two_files_is_refused_with_both_places(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- one: First.\nselect 1\n", encoding="utf-8")
    (tmp_path / "b.sql").write_text("-- two: Second.\nselect 2\n\n-- one: Again.\nselect 3\n", encoding="utf-8")
    with pytest.raises(QueryFileError, match=r"b\.sql:4: one is also the name in a\.sql:1"):
        read_queries(tmp_path)


def test_an_unknown_name_lists_close_ones() -> None:
    with pytest.raises(UnknownQueryError, match=r"named claim_trakc; close names: claim_track"):
        load_query("claim_trakc")
    with pytest.raises(UnknownQueryError, match=r"named xyzzy$"):
        load_statement("xyzzy")


def _names_in_code(*folders: str) -> Iterator[str]:
    """The names that the code loads, each as a pattern: one that is put together from parts has gaps."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            # where a session takes a statement, it may be a name or not
            if file not in {Path(__file__), ROOT / "app" / "database" / "session.py"}:
                yield from _names_in_file(file, ROOT / folder)


LOADERS = {"load_query", "load_statement"}
ASKING = {"all", "one", "one_or_none", "scalar", "scalar_or_none", "execute"}
"""Methods of app.database.session.Session: they take a name, a statement of SQLAlchemy, or what a result takes."""

COMMANDS = {"checkpoint"}
"""Statements of one word, which connections take too."""


def _names_in_file(file: Path, folder: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    forwarded: set[ast.Call] = set()
    loaders = _add_forwarders(tree, LOADERS, forwarded)
    for call in _calls(tree, loaders):
        if call not in forwarded:
            yield _pattern(call.args[0], f"{file.relative_to(ROOT)}:{call.lineno}")
    # a job names the statement that stores its result
    for call in _calls(tree, {"TrackJob"}):
        yield from (name.value for name in call.args if isinstance(name, ast.Constant) and name.value in QUERIES)
    # a test's connections are psycopg's, which take statements
    asking = set() if folder.name == "tests" else _add_forwarders(tree, ASKING, forwarded)
    for call in _calls(tree, asking - loaders):
        if isinstance(call.args[0], ast.Constant | ast.JoinedStr):
            pattern = _pattern(call.args[0], f"{file.relative_to(ROOT)}:{call.lineno}")
            if re.fullmatch(r"(\w|\\w\+)+", pattern) and pattern not in COMMANDS:
                yield pattern


def _add_forwarders(tree: ast.AST, known: set[str], forwarded: set[ast.Call]) -> set[str]:
    """Loaders, and functions that load the name that they are given; their calls are noted in `forwarded`."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    loaders = set(known)
    found = True
    while found:
        found = False
        for function in functions:
            parameters = {argument.arg for argument in function.args.args}
            for call in _calls(function, loaders):
                name = call.args[0]
                if isinstance(name, ast.Name) and name.id in parameters and call not in forwarded:
                    forwarded.add(call)
                    loaders.add(function.name)
                    found = True
    return loaders


def _calls(tree: ast.AST, called: set[str]) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and node.args
        and (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")) in called
    ]


def _pattern(name: ast.expr, place: str) -> str:
    if isinstance(name, ast.Constant):
        return re.escape(str(name.value))
    assert isinstance(name, ast.JoinedStr), f"{place}: the name of the statement cannot be read from the code"
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in name.values)
