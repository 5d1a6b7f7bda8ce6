"""How the command starts: what it imports before it knows what to do, and how it ends when it is stopped meanwhile."""

import os
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from app.auth import Scope
from app.cli.commands.backfill_options import DEFAULT_CONCURRENCY
from app.cli.commands.bench import MOST_QUERIES
from app.cli.commands.token import TokenScope
from app.measure.speed.embedding import material
from app.processing.backfill import run as backfill

ROOT = Path(__file__).resolve().parents[3]

HEAVY = (
    *("av", "fastapi", "numpy", "onnxruntime", "procrastinate", "psycopg"),
    *("app.database", "app.providers", "app.settings", "sqlalchemy", "tokenizers", "workers.app"),
)
SHOW_IMPORTS = (
    "import atexit, sys; from app.cli import main; "
    "atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr)); main()"
)
"""Runs the command, and lists what it has imported."""

ENTRY = f"import runpy; runpy.run_path({str(ROOT / 'app/cli/vibe_search.py')!r})['main']()"
"""Starts as an installed command does."""


def start(program: str, *arguments: str, **environment: str) -> CompletedProcess[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments",
    ["version", "--help", "search --help", "backfill embeddings --help", "queue retry --help", "nonsense", ""],
)
def test_nothing_heavy_is_imported_to_explain_itself(arguments: str) -> None:
    imported = start(SHOW_IMPORTS, *arguments.split()).stderr.splitlines()[-1].split()
    assert "app.cli.command" in imported
    assert set(imported) & {*HEAVY, "rich", "pydantic"} == set()


def test_a_script_explains_itself_as_fast() -> None:
    program = SHOW_IMPORTS.replace("from app.cli import main", "from scripts.backfill_genres import main as command")
    program = program.replace("; main()", "; from app.cli.command import run_script; run_script(command)")
    done = start(program, "--help")
    assert "  vibe-search backfill genres --limit 5\n" in done.stdout
    assert set(done.stderr.split()) & {*HEAVY, "rich", "pydantic"} == set()


def test_completion_imports_nothing_heavy() -> None:
    asked = {"_VIBE_SEARCH_COMPLETE": "complete_bash", "COMP_WORDS": "vibe-search models p", "COMP_CWORD": "2"}
    done = start(SHOW_IMPORTS.replace("main()", "sys.argv[0] = 'vibe-search'; main()"), **asked)
    assert done.stdout.split() == ["pull"]
    assert set(done.stderr.split()) & set(HEAVY) == set()


def test_what_is_repeated_for_the_help_is_right() -> None:
    assert [(one.name, one.value) for one in TokenScope] == [(one.name, one.value) for one in Scope]
    assert DEFAULT_CONCURRENCY == backfill.DEFAULT_CONCURRENCY
    assert MOST_QUERIES == material.MOST_QUERIES


SITE = """
import importlib.abc, os, signal, sys

class Stop(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == os.environ["STOP_AT"]:
            signal.raise_signal(getattr(signal, os.environ["STOP_BY"]))
        return None

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Stop())
"""
"""Sends this process a signal when a certain module is about to be imported."""


@pytest.mark.parametrize("by", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    "module", ["app.cli.command", "typer", "app.cli.exit_status", "app.settings", "sqlalchemy", "app.search"]
)
def test_a_signal_during_the_imports_ends_it_in_a_line(module: str, by: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = start(ENTRY, "search", "fern", PYTHONPATH=path, STOP_AT=module, STOP_BY=by, DATA_DIR=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")
