"""No module outside app/database makes connections, chooses isolation or maps the errors of Postgres by itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("app", "workers", "services", "models", "scripts", "tests")
HOMES = ("app/database/", "tests/app/database/", "tests/support/sent_statements.py")
"""The last counts what the engines send, and makes none."""

FORBIDDEN_NAMES = {"AsyncEngine", "create_async_engine", "guard_connection"}
ALLOWED_OF_ASYNCIO = {"AsyncSession"}


def find_violations(source: str) -> Iterator[str]:
    """What a module does that only app/database may do, each with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            if node.module == "sqlalchemy.ext.asyncio":
                names -= ALLOWED_OF_ASYNCIO
            elif node.module in {"sqlalchemy", "sqlalchemy.engine"}:
                names &= {"create_engine", "Engine", *FORBIDDEN_NAMES}
            else:
                names &= FORBIDDEN_NAMES
            for name in sorted(names):
                yield f"{node.lineno}: imports {name}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if node.func.attr in {"connect", "begin"} and owner.endswith("engine"):
                yield f"{node.lineno}: {owner}.{node.func.attr}()"
            if any(keyword.arg == "isolation_level" for keyword in node.keywords):
                yield f"{node.lineno}: chooses the isolation level"


def modules() -> list[Path]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return [path for path in found if not path.relative_to(ROOT).as_posix().startswith(HOMES)]


def test_only_the_package_of_the_database_talks_to_the_driver() -> None:
    checked = modules()
    assert len(checked) > 100
    wrong = [
        f"{path.relative_to(ROOT)}:{violation}"
        for path in checked
        for violation in find_violations(path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "source",
    [
        "from sqlalchemy.ext.asyncio import AsyncEngine",
        "from sqlalchemy.ext.asyncio import AsyncConnection",
        "from sqlalchemy import create_engine",
        "from app.database.failures import guard_connection",
        "self._engine.connect()",
        "engine.begin()",
        "engine.execution_options(isolation_level='READ COMMITTED')",
    ],
)
def test_a_module_that_does_is_found(source: str) -> None:
    assert list(find_violations(source))


@pytest.mark.parametrize(
    "source", ["from sqlalchemy.ext.asyncio import AsyncSession", "database.connection()", "connect(url)"]
)
def test_one_that_asks_the_database_is_not(source: str) -> None:
    assert list(find_violations(source)) == []
