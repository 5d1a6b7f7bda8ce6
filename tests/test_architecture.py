"""The import rules of docs/why/architecture.md, which pyproject.toml holds for import-linter."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import grimp

ROOT = Path(__file__).resolve().parents[1]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
RULES: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]

BREACHES = {
    "layers": ("app/search/breach.py", "import workers.context", "app.search.breach -> workers.context"),
    "command-line": ("app/http/breach.py", "import app.cli.age", "app.http.breach -> app.cli.age"),
    "app": ("app/mirror/breach.py", "import app.http.refusal", "app.mirror.breach -> app.http.refusal"),
    "circles": ("services/audio_store/breach.py", "import services.genres", ".audio_store -> .genres"),
    "models": ("models/audio/breach.py", "import psycopg", "models.audio.breach -> psycopg"),
    "downloads": ("models/runtime/breach.py", "import httpx2", "models.runtime.breach -> httpx2"),
    "services": ("services/genres/breach.py", "import sqlalchemy", "services.genres.breach -> sqlalchemy"),
    "export": ("models/clap/breach.py", "import torch", "models.clap.breach -> torch"),
    "exporters": (
        "app/processing/breach.py",
        "import models.clap.export",
        "app.processing.breach -> models.clap.export",
    ),
    "scripts": ("tests/app/breach.py", "import scripts.dump_schema", "tests.app.breach -> scripts.dump_schema"),
    "tests": ("scripts/breach.py", "import tests.conftest", "scripts.breach -> tests.conftest"),
}
"""By rule: a module, an import that is not allowed there, and how that is shown."""


def lint_imports(folder: Path) -> tuple[int, str]:
    """Whether import-linter finds a breach in a tree, as its exit status, and what it says."""
    done = subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--no-logo"],
        cwd=folder,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_imports_keep_the_rules() -> None:
    status, report = lint_imports(ROOT)
    assert status == 0, report


def test_a_breach_of_any_rule_is_shown_with_its_chain(tmp_path: Path) -> None:
    for package in RULES["root_packages"]:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=_all_but_modules)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, statement, _ in BREACHES.values():
        (tmp_path / path).write_text(f"{statement}\n", encoding="utf-8")
    names = {contract["id"]: contract["name"] for contract in RULES["contracts"]}
    assert names.keys() == BREACHES.keys()

    status, report = lint_imports(tmp_path)
    assert status == 1, report
    summary, _, chains = report.partition("Broken contracts")
    for rule, (_, _, chain) in BREACHES.items():
        assert f"{names[rule]} BROKEN" in summary, report
        assert f"- {chain} (" in chains.replace("-   ", "- "), report


def _all_but_modules(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith(".py") and not Path(folder, name).is_dir()]


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Unlike the rule on circles, this sees a module that imports the package which imports it."""
    graph = grimp.build_graph(*RULES["root_packages"], cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    # raises CycleError, which names the modules of the circle
    TopologicalSorter(imports).prepare()


def test_the_levels_of_app_are_those_of_the_document() -> None:
    layers = next(contract["layers"] for contract in RULES["contracts"] if contract["id"] == "app")
    levels = [{name.strip() for name in layer.split("|")} for layer in layers]
    page = (ROOT / "docs/why/architecture.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| (\d) \| `app/(\w+)(?:/|\.py)` \|", page, re.MULTILINE)
    assert {(len(levels) - above, name) for above, names in enumerate(levels) for name in names} == {
        (int(level), name) for level, name in documented
    }
