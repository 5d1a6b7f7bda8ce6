"""The command from a checkout that it cannot write to, with its data elsewhere and without a home."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.app.database.test_embedded_paths import as_nobody
from tests.support.databases import folder_of_a_server

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("app", "models", "scripts", "services", "sql", "workers")
PROGRAM = "import runpy, sys; runpy.run_path(sys.argv.pop(1))['main']()"


@pytest.fixture
def above() -> Iterator[Path]:
    with folder_of_a_server() as folder:
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def checkout(above: Path) -> Iterator[Path]:
    """A checkout without what Git does not know, in which nothing can be written."""
    listed = subprocess.run(["git", "ls-files", *FOLDERS], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folder = above / "checkout"
    for name in listed.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    subprocess.run(["chmod", "--recursive", "a-w,a+rX", folder], check=True)
    yield folder
    subprocess.run(["chmod", "--recursive", "u+w", folder], check=True)


def test_it_works_with_its_data_elsewhere(above: Path, checkout: Path) -> None:
    wrapper = as_nobody() if os.geteuid() == 0 else []
    data = above / "data"
    data.mkdir()
    if wrapper:
        shutil.chown(data, "nobody", "nogroup")

    def run(*arguments: str) -> CompletedProcess[str]:
        removed = {"HOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "XDG_CACHE_HOME"}
        kept = {name: value for name, value in os.environ.items() if name not in removed}
        command = [*wrapper, sys.executable, "-P", "-c", PROGRAM, f"{checkout}/app/cli/vibe_search.py", *arguments]
        given = kept | {"DATA_DIR": str(data), "TMPDIR": "/tmp"}  # noqa: S108 - what all users may write to
        return subprocess.run(command, cwd=checkout, env=given, capture_output=True, text=True, check=False)

    made = run("db", "migrate")
    assert (made.returncode, made.stderr) == (0, "")
    found = run("search", "fern", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout)["results"] == []
    drained = run("worker", "--drain")
    assert (drained.returncode, drained.stdout) == (0, "0 jobs done, 0 failed\n"), drained.stderr
    assert not list(checkout.rglob("__pycache__"))
