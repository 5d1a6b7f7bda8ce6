"""vibe-search clap serve, and the other commands when the model runs there."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from app.database import connect
from app.settings import Settings
from services.audio_store import LocalAudioStore
from tests.support.catalogue import Catalogue
from tests.support.command import run_command
from tests.support.installed_clap import DIMENSIONS, FIRST, SECOND
from tests.support.recordings import excerpt

COMMAND = str(Path(sys.executable).parent / "vibe-search")

Run = Callable[..., subprocess.CompletedProcess[str]]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def clap_service(models_dir: Path, model: str) -> Iterator[str]:
    """The address of `clap serve`, which ends well when it is told to."""
    port = free_port()
    environment = os.environ | {"MODELS_DIR": str(models_dir), "CLAP_MODEL": model, "CLAP_PORT": str(port)}
    service = subprocess.Popen([COMMAND, "clap", "serve"], env=environment, stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx2.get(f"{address}/healthz").raise_for_status()
                break
            except httpx2.TransportError:
                assert service.poll() is None, service.communicate()[1]
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield address
    finally:
        service.send_signal(signal.SIGTERM)
        _, errors = service.communicate(timeout=60)
    assert service.returncode in {0, -signal.SIGTERM}, errors
    assert "Traceback" not in errors


@pytest.fixture(scope="module")
def service(clap_models: Path) -> Iterator[str]:
    """The service, with the first of the two small models."""
    with clap_service(clap_models, FIRST) as address:
        yield address


@pytest.fixture
def known_only(tmp_path: Path, clap_models: Path) -> Path:
    """A MODELS_DIR that knows the two models, and holds no file that they could run from."""
    for name in (FIRST, SECOND):
        (tmp_path / "known" / name).mkdir(parents=True)
        shutil.copy(clap_models / name / "installed.json", tmp_path / "known" / name)
    return tmp_path / "known"


@pytest.fixture
def run(settings: Settings, known_only: Path) -> Run:
    """Runs a command that asks the service, at the address given."""

    def command(*arguments: str, address: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "DATABASE_URL": str(settings.database_url),
            "DATA_DIR": str(settings.data_dir),
            "MODELS_DIR": str(known_only),
            "MODAL_ENABLED": "true",
            # on a busy machine even a small model is late for the default
            "SEMANTIC_DEADLINE_SECONDS": "30",
            "MODAL_MODEL": FIRST,
            "MODAL_EMBED_AUDIO_URL": f"{address}/embed_audio",
            "MODAL_EMBED_TEXT_URL": f"{address}/embed_text",
            "COLUMNS": "200",
        }
        return run_command(*arguments, environment=environment | more)

    return command


def refused(finished: subprocess.CompletedProcess[str]) -> str:
    assert finished.returncode == 2, finished.stdout + finished.stderr
    assert "Traceback" not in finished.stderr
    return finished.stderr


def test_the_service_answers_as_the_replaced_one_did(service: str) -> None:
    answer = httpx2.post(f"{service}/embed_text", json={"text": "warm jazz"}).json()
    assert len(answer["embedding"]) == answer["dimensions"] == DIMENSIONS


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"CLAP_MODEL": "nonesuch"}, "CLAP_MODEL: no model is named 'nonesuch'"),
        ({"CLAP_MODEL": "clap-htsat-unfused"}, "vibe-search models pull clap-htsat-unfused"),
    ],
)
def test_a_model_that_cannot_be_served(tmp_path: Path, environment: dict[str, str], words: str) -> None:
    finished = run_command("clap", "serve", environment=os.environ | {"MODELS_DIR": str(tmp_path)} | environment)
    assert words in refused(finished)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        chosen = os.environ | {"CLAP_MODEL": "musicnn-tags"}
        finished = run_command("clap", "serve", "--port", str(port), environment=chosen)
    assert "choose another port with CLAP_PORT=" in refused(finished)


def test_a_model_takes_over_that_runs_nowhere_here(
    run: Run, service: str, settings: Settings, catalogue: Catalogue
) -> None:
    store = LocalAudioStore(settings.audio_dir)
    tracks = {}
    for name in ("calm_acoustic_s411", "energetic_electronic_2"):
        with excerpt(name).open("rb") as audio:
            stored = store.put(audio, "opus")
        tracks[name] = catalogue.track(name, file_id=stored.file_id, file_type="opus")

    switched = run("models", "use", FIRST, "--work", address=service)
    assert switched.returncode == 0, switched.stderr
    with connect(str(settings.database_url)) as connection:
        rows = connection.execute(
            "select e.track_id, m.name from search.embeddings e join search.models m on m.id = e.model_id "
            "where m.name = %s",
            [FIRST],
        ).fetchall()
    assert {row[0] for row in rows} == set(tracks.values())

    catalogue.calibrate()
    found = json.loads(run("search", "slow and quiet", "--json", address=service).stdout)
    assert found["available"] is True


def test_names_are_found_while_the_service_is_away(run: Run, service: str, catalogue: Catalogue) -> None:
    catalogue.track("Theodolite")
    switched = run("models", "use", FIRST, "--now", address=service)
    assert switched.returncode == 0, switched.stderr
    away = f"http://127.0.0.1:{free_port()}"
    finished = run("search", "theodolite", "--json", address=away, MODAL_TIMEOUT_SECONDS="1")
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    assert found["available"] is False
    assert [result["details"]["title"] for result in found["results"]] == ["Theodolite"]


def test_the_check_asks_the_service(run: Run, service: str) -> None:
    checked = run("models", "check", FIRST, "--json", address=service)
    assert checked.returncode == 0, checked.stderr
    assert all(finding["passed"] for finding in json.loads(checked.stdout)["findings"])


def test_another_model_than_the_one_that_was_expected(run: Run, clap_models: Path) -> None:
    with clap_service(clap_models, SECOND) as address:
        words = refused(run("models", "check", FIRST, address=address))
    assert f"the service runs {SECOND}@" in words
    assert f"{FIRST}@" in words


def test_a_service_that_is_away_cannot_take_over(run: Run) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    words = refused(run("models", "use", FIRST, address=address, MODAL_TIMEOUT_SECONDS="1"))
    assert f"{address}/embed_text" in words


@pytest.mark.parametrize("missing", ["MODAL_EMBED_AUDIO_URL", "MODAL_EMBED_TEXT_URL"])
def test_an_address_that_is_missing(run: Run, service: str, missing: str) -> None:
    words = refused(run("models", "check", FIRST, address=service, **{missing: ""}))
    assert f"{missing}: needed while MODAL_ENABLED is true" in words


def test_a_model_that_the_service_does_not_run_runs_here(run: Run, service: str) -> None:
    checked = run("models", "check", "musicnn-tags", "--json", address=service)
    assert checked.returncode == 0, checked.stderr
    assert "audio.onnx is missing" in refused(run("models", "check", SECOND, address=service))
