"""The service on Modal, without its cloud: the real client deploys it to loopback, and it runs as in a container."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.registry import Registry, find_model
from models.runtime.run_options import RunOptions
from services.embedding import InProcessEmbedding
from tests.support.installed_clap import DIMENSIONS, FIRST
from tests.support.modal_cloud import ModalCloud, modal_cloud
from tests.support.recordings import sample

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "services/clap/app.py"


@pytest.fixture(scope="module")
def deployed() -> Iterator[ModalCloud]:
    """What `modal deploy` asked the cloud for."""
    with modal_cloud() as cloud:
        environment = {
            **os.environ,
            "MODAL_SERVER_URL": cloud.address,
            "MODAL_TOKEN_ID": "ak-loopback",
            "MODAL_TOKEN_SECRET": "as-loopback",
            "CLAP_AUDIO_ORIGINS": "audio.example",
        }
        environment.pop("CLAP_MODEL", None)
        finished = subprocess.run(
            [sys.executable, "-m", "modal", "deploy", "services/clap/app.py"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        yield cloud


def test_the_app_keeps_the_names_of_the_replaced_one(deployed: ModalCloud) -> None:
    (published,) = deployed.asked("AppPublish")
    assert published.name == "plyr-clap"
    assert set(published.class_ids) == {"ClapService"}
    (function,) = [request.function for request in deployed.asked("FunctionCreate")]
    methods = {name: method.webhook_config.method for name, method in function.method_definitions.items()}
    assert methods == {"embed_text": "POST", "embed_audio": "POST", "healthz": "GET"}


def test_the_container_has_two_cores_and_four_gigabytes_and_stops_when_idle(deployed: ModalCloud) -> None:
    (function,) = [request.function for request in deployed.asked("FunctionCreate")]
    assert (function.resources.milli_cpu, function.resources.memory_mb) == (2000, 4096)
    assert function.task_idle_timeout_secs == 300
    assert function.autoscaler_settings.min_containers == 0
    assert function.warm_pool_size == 0


def test_the_image_holds_the_project_and_the_weights_and_no_torch(deployed: ModalCloud) -> None:
    lines = [line for request in deployed.asked("ImageGetOrCreate") for line in request.image.dockerfile_commands]
    assert any(line.startswith("FROM python:3.11") for line in lines)
    assert "ENV MODELS_DIR=/models" in lines
    assert "ENV CLAP_AUDIO_ORIGINS=audio.example" in lines
    installed, exported = [line for line in lines if "pip install --constraint" in line]
    assert installed == "RUN pip install --constraint /source/constraints.txt /source"
    steps = exported.removeprefix("RUN ").split(" && ")
    assert steps == [
        "python -m venv /export",
        "/export/bin/pip install --constraint /source/constraints.txt '/source[export]'",
        "/export/bin/vibe-search models pull clap-htsat-unfused",
        "/export/bin/vibe-search models export clap-htsat-unfused",
        # torch goes with its environment, and the checkpoint is not needed to serve
        "rm -rf /export /models/clap-htsat-unfused.checkpoint",
    ]


def test_all_that_the_install_needs_is_handed_on(deployed: ModalCloud) -> None:
    handed_on = {file.filename for request in deployed.asked("MountGetOrCreate") for file in request.files}
    tracked = subprocess.run(
        ["git", "ls-files", "app", "models", "services", "sql", "workers", "pyproject.toml", "constraints.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert len(tracked) > 100
    assert {f"/source/{name}" for name in tracked} <= handed_on
    assert not any(".venv" in name or ".data" in name or "checkpoint/" in name for name in handed_on)


class Container:
    """A container, started for each list of requests."""

    def __init__(self, folder: Path, models_dir: Path, model: str) -> None:
        shutil.copy(APP, folder / "app.py")
        self.folder = folder
        self._environment = {**os.environ, "MODELS_DIR": str(models_dir), "CLAP_MODEL": model}

    def answer(self, *requests: tuple[str, str, Any]) -> list[Any]:
        """What `healthz` answers to a direct call, then the answers to the requests."""
        finished = subprocess.run(
            [sys.executable, "-m", "tests.support.modal_container", str(self.folder)],
            cwd=ROOT,
            env=self._environment,
            input=json.dumps(requests),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        answers: list[Any] = json.loads(finished.stdout)
        return answers


def test_a_container_answers_as_the_model_does_here(tmp_path: Path, clap_models: Path) -> None:
    card = Registry(clap_models).find(FIRST)
    recording = sample("happy_acoustic_1")
    encoded = base64.b64encode(recording.read_bytes()).decode()
    direct, health, text, texts, audio, items = Container(tmp_path, clap_models, FIRST).answer(
        ("healthz", "GET", None),
        ("embed_text", "POST", {"text": "warm jazz"}),
        ("embed_text", "POST", {"texts": ["warm jazz", "rain"]}),
        ("embed_audio", "POST", {"audio_b64": encoded}),
        ("embed_audio", "POST", {"items": [{"audio_b64": encoded}, {"audio_b64": "AAAA"}]}),
    )
    here = InProcessEmbedding(card, RunOptions(threads=2), max_seconds=900)
    with recording.open("rb") as opened:
        heard = here.embed_audio(opened)
    read = here.embed_text("warm jazz")

    assert direct == health == [200, {"status": "ok", "dimensions": DIMENSIONS, "model": card.identity}]
    assert text == [
        200,
        {"embedding": [float(value) for value in read], "dimensions": DIMENSIONS, "model": card.identity},
    ]
    assert np.array_equal(np.float32(texts[1]["embeddings"][0]), read)
    assert np.array_equal(np.float32(audio[1]["embedding"]), heard)
    first, broken = items[1]["results"]
    assert first["embedding"] == audio[1]["embedding"]
    assert broken["embedding"] is None
    assert "not an audio file" in broken["error"]


def test_a_container_names_what_is_wrong(tmp_path: Path) -> None:
    _, nothing, empty, broken, elsewhere = Container(tmp_path, tmp_path, find_model("musicnn-tags").name).answer(
        ("embed_text", "POST", {}),
        ("embed_text", "POST", {"texts": []}),
        ("embed_audio", "POST", {"audio_b64": "AAAA"}),
        ("embed_audio", "POST", {"audio_url": "http://169.254.169.254/latest"}),
    )
    assert [answer[0] for answer in (nothing, empty, broken, elsewhere)] == [422] * 4
    assert nothing[1]["detail"][0]["loc"] == ["body", "text"]
    assert empty[1]["detail"][0]["loc"] == ["body", "texts"]
    assert broken[1]["detail"][0]["loc"] == ["body", "audio_b64"]
    assert elsewhere[1]["detail"][0]["loc"] == ["body", "audio_url"]
