"""vibe-search evaluate on files of one's own."""

import json
import os
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from app.cli.evaluate import SAMPLE_LABELS
from tests.support.catalogue import Catalogue
from tests.support.command import run_command


@pytest.fixture
def evaluate(database: str, tmp_path: Path) -> Any:
    """Runs the command on the test's database."""

    def run(*arguments: str) -> CompletedProcess[str]:
        environment = os.environ | {"DATABASE_URL": database, "DATA_DIR": str(tmp_path), "COLUMNS": "140"}
        return run_command("evaluate", *arguments, environment=environment, folder=tmp_path)

    return run


def test_a_file_of_ones_own(catalogue: Catalogue, evaluate: Any, tmp_path: Path) -> None:
    fern, moss = catalogue.track("Fern"), catalogue.track("Eleven Species of Moss")
    content = (
        f"query,relevant,grade,group\nfern,{fern},3,exact\nfern,artist:somebody.example,1,\nspecies,{moss},,word\n"
    )
    (tmp_path / "mine.csv").write_text(content, encoding="utf-8")
    finished = evaluate("mine.csv", "--by", "unified", "--limit", "5", "--json")
    assert finished.returncode == 0, finished.stderr
    (found,) = json.loads(finished.stdout)["evaluations"]
    assert (found["file"], found["by"], found["page"], found["candidates"]) == ("mine.csv", "unified", 5, 3)
    assert [query["relevant"] for query in found["queries"]] == [2, 1]
    assert found["vibe_search"]["success_at_1"] == 1
    assert set(found) >= {"vibe_search", "predecessor", "chance", "difference", "groups"}

    shown = evaluate("mine.csv", "--by", "unified", "--each")
    assert shown.returncode == 0, shown.stderr
    for words in (
        "nDCG@10",
        "MAP",
        "predecessor",
        "chance",
        "exact",
        "species",
        "95 % sure",
        "2 queries, 3 candidates",
    ):
        assert words in shown.stdout, words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.csv"], "No such file"),
        (["wrong.csv"], "wrong.csv, line 3: grade must be"),
        (["unknown.csv"], "unknown.csv, line 2: '77' is not in the database"),
        (["unknown.csv", "--by", "taste"], "taste"),
        (["unknown.csv", "--limit", "51"], "--limit"),
        ([], "The sample is there after vibe-search demo --once"),
    ],
)
def test_errors_are_words_and_a_status(evaluate: Any, tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "wrong.csv").write_text("query,relevant,grade\nfern,1,1\nmoss,2,high\n", encoding="utf-8")
    (tmp_path / "unknown.csv").write_text("query,relevant\nfern,77\n", encoding="utf-8")
    finished = evaluate(*arguments)
    assert finished.returncode == 2
    assert words in finished.stderr
    assert "Traceback" not in finished.stderr
    assert finished.stdout == ""


def test_every_file_of_the_sample_is_asked() -> None:
    folder = Path(__file__).parents[4] / "app" / "measure" / "sample"
    assert set(SAMPLE_LABELS) == set(folder.glob("*.toml")) - {folder / "library.toml"}
