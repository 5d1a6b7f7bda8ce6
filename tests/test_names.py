"""Names: the code uses the words of the glossary, and what the walkthrough names exists."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import psycopg

from app.database.named_queries import read_queries
from app.database.sql_files import SQL_DIR

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("app", "services", "models", "workers", "scripts")
GLOSSARY = ROOT / "docs" / "reference" / "glossary.md"
WALKTHROUGH = ROOT / "docs" / "why" / "life-of-a-query.md"


def rows(page: Path) -> list[list[str]]:
    """Cells of every row of every table of a page."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def names_of(module: Path) -> Iterator[tuple[int, str]]:
    """Line and name of everything that a module defines."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def resolve(name: str) -> object:
    """What a dotted name means: a module, or something in one.

    Raises:
        LookupError: Nothing.
    """
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                raise LookupError(name)
            found = getattr(found, part)
        return found
    raise LookupError(name)


def test_code_uses_the_words_of_the_glossary() -> None:
    refused = {word for row in rows(GLOSSARY)[1:] for word in row[3].split(", ") if word}
    assert "audibility" in refused
    modules = [module for package in PACKAGES for module in sorted((ROOT / package).rglob("*.py"))]
    found = [
        f"{module.relative_to(ROOT)}:{line}: {name}"
        for module in modules
        for line, name in names_of(module)
        if refused & {name.lower().strip("_"), *name.lower().split("_")}
    ]
    assert not found, "docs/reference/glossary.md has another word for:\n" + "\n".join(found)


def test_what_the_glossary_names_in_python_exists() -> None:
    named = re.findall(r"`((?:app|models|services|workers)\.[\w.]+)`", GLOSSARY.read_text(encoding="utf-8"))
    assert len(named) > 15
    for name in named:
        resolve(name)


def test_what_the_walkthrough_names_exists(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    text = WALKTHROUGH.read_text(encoding="utf-8")
    modules = re.findall(r"`((?:app|models|services|workers)\.[\w.]+)`", text)
    assert len(modules) > 15
    for name in modules:
        resolve(name)
    queries = set(re.findall(r"the query `(\w+)`", text))
    assert queries
    assert queries <= read_queries(SQL_DIR / "queries").keys()
    tables = [row[0] for row in rows(WALKTHROUGH) if row[0].startswith("`")]
    functions = {name for cell in tables for name in re.findall(r"`(\w+)`", cell)}
    functions |= set(re.findall(r"`(on_\w+|enqueue_\w+)`", text))
    listed = connection.execute("select proname from pg_proc where pronamespace::regnamespace::text like 'search%'")
    known = {row[0] for row in listed}
    assert functions
    assert functions <= known, f"no such SQL function: {sorted(functions - known)}"
