"""The built wheel, installed as an application, beside folders of the same names."""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from app import __version__
from tests.support.databases import folder_of_a_server
from tests.support.recordings import excerpt

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("app", "models", "scripts", "services", "sql", "workers")


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel; it shares the dependencies of the one that runs the tests."""
    folder = tmp_path_factory.mktemp("installed")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("vibe_search-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    pip("--python", str(folder / "env" / "bin" / "python"), "install", "--no-deps", str(wheel))
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "env"


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with folder_of_a_server() as folder:
        yield folder


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Another project, whose packages cannot even be imported."""
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text('raise RuntimeError("another project")\n', encoding="utf-8")
    return tmp_path


def run(environment: Path, data: Path, folder: Path, *arguments: str, path: str = "") -> CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    given = kept | {"DATA_DIR": str(data), "COLUMNS": "100"} | ({"PYTHONPATH": path} if path else {})
    command = [str(environment / "bin" / "vibe-search"), *arguments]
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False)


def serve_a_search(environment: Path, data: Path, folder: Path, path: str = "") -> None:
    """Make a database, and search it by a clip, which a child process decodes."""
    made = run(environment, data, folder, "db", "migrate", path=path)
    assert made.returncode == 0, made.stderr
    clip = str(excerpt("calm_acoustic_1"))
    found = run(environment, data, folder, "search", "--audio", clip, "--json", path=path)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["results"] == []


def test_it_runs_in_an_empty_folder(environment: Path, data: Path, tmp_path: Path) -> None:
    done = run(environment, data, tmp_path, "version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"vibe-search {__version__}\n", "")
    serve_a_search(environment, data, tmp_path)


@pytest.mark.parametrize("path", ["{others}", "", ".", "{others}{sep}{packages}"])
def test_it_runs_beside_folders_of_the_same_names(environment: Path, data: Path, others: Path, path: str) -> None:
    (packages,) = (environment / "lib").glob("python*/site-packages")
    given = path.format(others=others, sep=os.pathsep, packages=packages)
    done = run(environment, data, others, "version", path=given)
    assert (done.returncode, done.stderr) == (0, "")
    if path == "{others}":
        serve_a_search(environment, data, others, given)


def test_packages_that_were_imported_before_are_named(environment: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").touch()
    (tmp_path / "sitecustomize.py").write_text("import models\n", encoding="utf-8")
    done = run(environment, data, tmp_path, "version", path=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / 'models'} was imported in place of vibe-search's own models: ")
    assert "PYTHONPATH" in done.stderr


@pytest.mark.parametrize("script", ["backfill_embeddings", "backfill_genres", "ml_audit"])
def test_the_scripts_run_beside_them_too(others: Path, script: str) -> None:
    command = [sys.executable, str(ROOT / "scripts" / f"{script}.py"), "--help"]
    given = os.environ | {"PYTHONPATH": str(others)}
    done = subprocess.run(command, cwd=others, env=given, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--json" in done.stdout


def test_it_holds_all_that_is_read(environment: Path) -> None:
    """Every file of its folders that git knows, and nothing else at the top but the module that starts it."""
    (packages,) = (environment / "lib").glob("python*/site-packages")
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    folders = rules["targets"]["wheel"]["packages"]
    listed = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    missing = [name for name in listed.splitlines() if not (packages / name).is_file()]
    assert missing == ["app/cli/vibe_search.py"]
    ours = {
        name
        for name in (path.name for path in packages.iterdir())
        if not name.startswith(("vibe_search-", "dependencies", "__"))
    }
    assert ours == {*folders, "vibe_search.py"}
