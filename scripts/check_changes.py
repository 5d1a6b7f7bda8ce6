"""Ruff, mypy and the tests of what changed: an answer in seconds while you work.

Without arguments it takes what git says has changed since the last commit.

Examples:
    python -m scripts.check_changes
    python -m scripts.check_changes app/search/description.py
"""

import ast
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FOLDERS = {
    "app/web/": "tests/web",
    "docs/": "tests/test_docs.py",
    "sql/functions/": "tests/sql",
    "sql/queries/": "tests/sql/test_queries.py",
    "sql/triggers/": "tests/sql",
    "sql/views/": "tests/sql",
}
"""Tests of what is not Python, by the beginning of its path."""

_IDLE_SECONDS = "1800"
"""After so long without a question mypy's daemon ends."""


def changed_files() -> list[str]:
    """Files that differ from the last commit or are new to git, relative to the root; deleted ones are left out."""
    commands = (["git", "diff", "--name-only", "HEAD"], ["git", "ls-files", "--others", "--exclude-standard"])
    found: set[str] = set()
    for command in commands:
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - fixed
        found |= set(done.stdout.splitlines())
    return sorted(name for name in found if (ROOT / name).is_file())


def find_tests(files: Iterable[str]) -> list[str]:
    """The tests of some files: those of the same path, and those that import them.

    Args:
        files: Paths relative to the root.

    Returns:
        Test files and folders relative to the root, each once.
    """
    chosen: set[str] = set()
    modules: set[str] = set()
    for name in files:
        chosen |= {tests for folder, tests in FOLDERS.items() if name.startswith(folder)}
        path = Path(name)
        if path.suffix != ".py":
            continue
        if path.name.startswith("test_"):
            chosen.add(name)
            continue
        chosen.add(str(Path("tests", path.parent, f"test_{path.name}")))
        modules.add(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
    tests = (ROOT / "tests").rglob("test_*.py")
    importing = {str(test.relative_to(ROOT)) for test in tests if modules & imports_of(test)}
    existing = sorted(name for name in chosen | importing if (ROOT / name).exists())
    return [name for name in existing if not any(name.startswith(f"{other}/") for other in existing)]


def imports_of(module: Path) -> set[str]:
    """Dotted names of the modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def main(arguments: list[str]) -> int:
    """Run the checks one after the other; the status of the first that fails."""
    files = arguments or changed_files()
    python = [name for name in files if name.endswith(".py")]
    tests = find_tests(files)
    tools = Path(sys.executable).parent
    commands: list[list[str]] = []
    if python:
        commands += [[str(tools / "ruff"), *words, *python] for words in (["check"], ["format", "--check"])]
        commands += [[str(tools / "dmypy"), "run", "--timeout", _IDLE_SECONDS]]
    if tests:
        commands += [[sys.executable, "-m", "pytest", "-q", "--exitfirst", *tests]]
    for command in commands:
        print("$", *command[:8], *(["..."] if len(command) > 8 else []))  # noqa: T201 - a command's own output
        status = subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - fixed programs
        if status:
            return status
    print(f"checked {len(files)} files" if files else "nothing has changed")  # noqa: T201 - as above
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
