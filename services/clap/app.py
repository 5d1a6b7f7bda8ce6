"""The service on Modal: `modal deploy services/clap/app.py`, from the root of the repository.

App, class and methods are named as those of the service that this one replaces, so that the addresses stay:
`https://<workspace>--plyr-clap-clapservice-embed-text.modal.run` and `...-embed-audio.modal.run`.

Modal imports this file under the name `app`, in the place of the project's package of that name: nothing here may
import that package. Settings of the service are taken from the environment of whoever deploys it.
"""

import os
from pathlib import Path

import modal
from fastapi import HTTPException

from models.registry import Registry
from models.runtime.run_options import RunOptions
from services.clap.contract import AudioEmbeddings, AudioRequest, Embedding, Health, TextEmbeddings, TextRequest
from services.clap.fetch import AudioFetcher
from services.clap.limits import Limits, RefusedError
from services.clap.service import EmbeddingService
from services.embedding.in_process import InProcessEmbedding

CPU = 2.0
MEMORY_MIB = 4096
IDLE_SECONDS = 300
"""After so long without a request no container is left, and nothing is paid for."""

_MODELS = "/models"
_SOURCE = "/source"
_SETTINGS = ("CLAP_MODEL", "CLAP_AUDIO_ORIGINS", "WINDOW_HOP_SECONDS", "AUDIO_MAX_SECONDS")
_HANDED_ON = ("pyproject.toml", "constraints.txt", "README.md", "app", "models", "services", "sql", "workers")


def model_name() -> str:
    """The model that is served."""
    return os.environ.get("CLAP_MODEL", "clap-htsat-unfused")


def build_image(root: Path) -> modal.Image:
    """The image: this project without its extras, and the model's files in `/models`.

    The checkpoint is pulled and exported while the image is built, with torch, which is not in the image afterwards.

    Args:
        root: The repository.
    """
    image = modal.Image.debian_slim(python_version="3.11")
    for name in _HANDED_ON:
        add = image.add_local_dir if (root / name).is_dir() else image.add_local_file
        image = add(root / name, f"{_SOURCE}/{name}", copy=True)
    pip = f"pip install --constraint {_SOURCE}/constraints.txt"
    name = model_name()
    export = (
        f"python -m venv /export && /export/bin/{pip} '{_SOURCE}[export]'"
        f" && /export/bin/vibe-search models pull {name} && /export/bin/vibe-search models export {name}"
        f" && rm -rf /export {_MODELS}/{name}.checkpoint"
    )
    settings = {key: os.environ[key] for key in _SETTINGS if key in os.environ}
    return image.env({"MODELS_DIR": _MODELS, "ORT_DISABLE_TELEMETRY": "1", **settings}).run_commands(
        f"{pip} {_SOURCE}", export
    )


def build_service(models_dir: Path) -> EmbeddingService:
    """The service with the model that is installed there."""
    max_seconds = float(os.environ.get("AUDIO_MAX_SECONDS", "900"))
    registry = Registry(models_dir, float(os.environ.get("WINDOW_HOP_SECONDS", "10")), max_seconds)
    # one input at a time goes to a container: Modal starts another for the next
    limits = Limits(concurrency=1)
    origins = tuple(filter(None, os.environ.get("CLAP_AUDIO_ORIGINS", "").replace(" ", "").split(",")))
    fetcher = AudioFetcher(origins, max_bytes=limits.max_bytes, max_seconds=limits.fetch_seconds)
    options = RunOptions(threads=int(CPU))
    provider = InProcessEmbedding(registry.find(model_name()), options, max_seconds=max_seconds)
    return EmbeddingService(provider, limits, fetcher)


app = modal.App("plyr-clap")
image = build_image(Path(__file__).resolve().parents[2]) if modal.is_local() else modal.Image.debian_slim()


@app.cls(image=image, cpu=CPU, memory=MEMORY_MIB, scaledown_window=IDLE_SECONDS, timeout=600)
class ClapService:
    """One container: the model, and the endpoints that ask it."""

    @modal.enter()
    def load(self) -> None:
        """Load the half that reads texts; the other one is loaded by the first recording."""
        self.service = build_service(Path(os.environ.get("MODELS_DIR", _MODELS)))
        self.service.load()

    @modal.fastapi_endpoint(method="POST")
    def embed_text(self, request: TextRequest) -> Embedding | TextEmbeddings:
        """The vector of a text, or of several."""
        try:
            return self.service.embed_text(request)
        except RefusedError as error:
            raise HTTPException(error.status, error.detail) from error

    @modal.fastapi_endpoint(method="POST")
    def embed_audio(self, request: AudioRequest) -> Embedding | AudioEmbeddings:
        """The vector of a recording, or of several."""
        try:
            return self.service.embed_audio(request)
        except RefusedError as error:
            raise HTTPException(error.status, error.detail) from error

    @modal.fastapi_endpoint(method="GET")
    def healthz(self) -> Health:
        """Which model answers."""
        return self.service.health()
