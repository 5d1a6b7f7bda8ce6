"""Which tests belong to which files."""

from pathlib import Path

import pytest

from scripts.check_changes import ROOT, find_tests, imports_of


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        ("app/search/description.py", "tests/app/search/test_description.py"),
        ("tests/app/search/test_description.py", "tests/app/search/test_description.py"),
        ("sql/functions/search/unified.sql", "tests/sql"),
        ("sql/queries/search.sql", "tests/sql/test_queries.py"),
        ("app/web/search.js", "tests/web"),
        ("docs/reference/sql.md", "tests/test_docs.py"),
        ("app/auth/tokens.py", "tests/app/auth/test_tokens.py"),
    ],
)
def test_a_file_is_tested_by(changed: str, tests: str) -> None:
    assert (ROOT / changed).exists()
    found = find_tests([changed])
    assert tests in found
    assert all((ROOT / name).exists() for name in found)


def test_a_module_is_tested_by_what_imports_it() -> None:
    assert "tests/app/search/test_description.py" in find_tests(["app/search/description.py"])
    assert len(find_tests(["app/providers.py"])) > 10


def test_nothing_is_tested_twice() -> None:
    assert find_tests(["sql/functions/search/unified.sql", "tests/sql/test_unified.py"]) == ["tests/sql"]


def test_what_has_no_tests_is_left_out() -> None:
    assert find_tests(["LICENSE", "constraints.txt"]) == []


def test_imports_are_read(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    lines = ("import app.errors", "from app.search import Search", "def f():", "    import models.card")
    module.write_text("\n".join(lines), encoding="utf-8")
    assert imports_of(module) == {"app.errors", "app.search", "app.search.Search", "models.card"}
