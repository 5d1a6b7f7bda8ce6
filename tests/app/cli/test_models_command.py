"""vibe-search models pull, export, check and remove, on folders."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.command import run_command, run_command_here
from tests.support.installed_clap import FIRST, SECOND

CLAP = "clap-htsat-unfused"

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """An empty MODELS_DIR."""
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def run(tmp_path: Path, models_dir: Path) -> Run:
    """Runs the command without a database and with an empty MODELS_DIR."""
    environment = os.environ | {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": "postgresql://localhost:1/none",
        "MODELS_DIR": str(models_dir),
        "COLUMNS": "200",
    }

    def command(*arguments: str, **more: str) -> CompletedProcess[str]:
        run = run_command_here if arguments[0] == "export" else run_command
        return run("models", *arguments, environment=environment | more)

    return command


def refused(finished: CompletedProcess[str]) -> str:
    """What a command says that did nothing."""
    assert finished.returncode == 2, finished.stdout + finished.stderr
    assert "Traceback" not in finished.stderr
    return finished.stderr


def test_a_checkpoint_of_ones_own_is_exported_and_checked(run: Run, models_dir: Path, clap_models: Path) -> None:
    finished = run("export", "my-clap", "--from", str(clap_models / f"{FIRST}.checkpoint"), "--json")
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout)
    assert report["dimensions"] == 64
    assert report["audio_difference"] <= 1e-4
    assert report["text_difference"] <= 1e-4
    assert report["int8_cosine"] >= 0.999
    assert sorted(path.name for path in models_dir.iterdir()) == ["my-clap"]

    listed = {model["name"]: model for model in json.loads(run("list", "--json").stdout)}
    assert (listed["my-clap"]["installed"], listed["my-clap"]["dimensions"]) == (True, 64)
    # no database answers, and the list of models does not need one
    assert listed["my-clap"]["role"] is None

    checked = json.loads(run("check", "my-clap", "--json").stdout)
    assert all(finding["passed"] for finding in checked["findings"])
    assert listed["my-clap"]["identity"] == checked["identity"]


def test_another_tokenizer_makes_another_model(run: Run, tmp_path: Path, clap_models: Path) -> None:
    """The weights alone do not say what a text's vector is."""
    checkpoint = shutil.copytree(clap_models / f"{FIRST}.checkpoint", tmp_path / "checkpoint")
    identities = []
    for name in ("one", "two"):
        finished = run("export", name, "--from", str(checkpoint))
        assert finished.returncode == 0, finished.stderr
        listed = {model["name"]: model for model in json.loads(run("list", "--json").stdout)}
        identities.append(listed[name]["identity"].replace(name, "model"))
        merges = (checkpoint / "merges.txt").read_text(encoding="utf-8").splitlines()
        (checkpoint / "merges.txt").write_text("\n".join(merges[:-50]) + "\n", encoding="utf-8")
    assert identities[0] != identities[1]


def test_a_damaged_file_is_found_when_the_model_is_opened(run: Run, models_dir: Path, clap_models: Path) -> None:
    shutil.copytree(clap_models / FIRST, models_dir / FIRST)
    damaged = models_dir / FIRST / "text.int8.onnx"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\0")
    assert "text.int8.onnx" in refused(run("check", FIRST))


def test_pull_from_a_folder_takes_the_right_export_only(run: Run, models_dir: Path, clap_models: Path) -> None:
    words = refused(run("pull", CLAP, "--from", str(clap_models / FIRST)))
    assert "was made of" in words
    assert "laion/clap-htsat-unfused@" in words
    assert list(models_dir.iterdir()) == []


def test_pull_from_a_folder_with_another_checkpoint(run: Run, models_dir: Path, clap_models: Path) -> None:
    words = refused(run("pull", CLAP, "--from", str(clap_models / f"{SECOND}.checkpoint")))
    assert "config.json is not the file of laion/clap-htsat-unfused at " in words
    assert list(models_dir.iterdir()) == []


def test_pull_without_a_network(run: Run, models_dir: Path) -> None:
    words = refused(run("pull", CLAP, HF_ENDPOINT="http://127.0.0.1:1"))
    assert "cannot be downloaded" in words
    assert "Run it again to go on" in words
    assert not (models_dir / CLAP).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pull", "nonesuch"], "no model is named 'nonesuch'"),
        (["pull", "musicnn-tags"], "musicnn-tags is bundled"),
        (["export", "musicnn-tags"], "musicnn-tags is bundled"),
        (["export", CLAP], f"vibe-search models pull {CLAP}"),
        (["export", "new"], "give its checkpoint with --from"),
        (["export", "new", "--from", "/nonesuch"], "the checkpoint of new is not here"),
        (["check", CLAP], f"vibe-search models pull {CLAP}"),
        (["check", "nonesuch"], "no model is named 'nonesuch'"),
        (["remove", "nonesuch"], "no model is named 'nonesuch'"),
    ],
)
def test_what_cannot_be_done(run: Run, arguments: list[str], words: str) -> None:
    assert words in refused(run(*arguments))


def test_a_broken_checkpoint_installs_nothing(run: Run, models_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    assert "holds a model of the type bert, not clap" in refused(run("export", "my-clap", "--from", str(folder)))
    assert list(models_dir.iterdir()) == []
