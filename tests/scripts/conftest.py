"""Running the scripts as people do, on a database and an audio store of the test's own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli.exit_status import run_to_exit
from app.settings import Settings, get_settings
from services.audio_store import LocalAudioStore
from tests.support.catalogue import Catalogue
from tests.support.recordings import excerpt

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ("calm_acoustic_1", "happy_acoustic_1", "tender_acoustic_1", "nostalgic_acoustic_1")


@dataclass(frozen=True)
class Finished:
    """A script that has ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Finished]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """What the scripts read."""
    own = {"DATABASE_URL": str(settings.database_url), "DATA_DIR": str(settings.data_dir), "COLUMNS": "160"}
    return os.environ | own


@pytest.fixture
def run(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """A script to its end, in this process, where the model is loaded once."""
    for name in ("DATABASE_URL", "DATA_DIR", "COLUMNS"):
        monkeypatch.setenv(name, environment[name])
    get_settings.cache_clear()
    before = signal.getsignal(signal.SIGTERM)

    def call(script: str, *arguments: str) -> Finished:
        main = import_module(f"scripts.{script}").main
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run_to_exit(lambda: typer.run(main))
        said = capsys.readouterr()
        return Finished(int(ended.value.code or 0), said.out, said.err)

    yield call
    signal.signal(signal.SIGTERM, before)
    get_settings.cache_clear()


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Any command, in the background; what still runs in the end is killed."""
    started: list[subprocess.Popen[str]] = []
    # a shell that starts the tests in the background has them ignore Ctrl-C, and a child inherits that
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def begin(*command: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    signal.signal(signal.SIGINT, before)
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def add(catalogue: Catalogue, settings: Settings) -> Callable[..., list[int]]:
    """Adds tracks whose audio is in the store."""
    store = LocalAudioStore(settings.audio_dir)

    def insert(*names: str, **columns: Any) -> list[int]:
        tracks = []
        for name in names:
            with excerpt(name).open("rb") as audio:
                file_id = store.put(audio, "opus").file_id
            tracks.append(catalogue.track(name, file_id=file_id, file_type="opus", **columns))
        return tracks

    return insert


@pytest.fixture
def tracks(add: Callable[..., list[int]]) -> list[int]:
    """RECORDINGS, each with the jobs of an upload."""
    return add(*RECORDINGS)
