"""The model that is measured: an installed one, or random weights of the same sizes."""

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from app.errors import UserError
from app.measure.speed.stages import Stages
from app.providers import build_registry
from app.settings import Settings
from models.registry import ModelCard, Registry, UnknownModelError

PREFERRED = "clap-htsat-unfused"
RANDOM = "random-clap"

_COMMAND = "from app.cli import main; main()"
_NEEDED = ("torch", "transformers", "librosa", "soundfile", "onnx", "onnxscript")


@dataclass(frozen=True)
class Subject:
    """A model with its checkpoint.

    Attributes:
        models_dir: Where it is installed; its checkpoint lies beside it.
        card: The model.
        weights: Where they come from, in words.
    """

    models_dir: Path
    card: ModelCard
    weights: str

    @property
    def environment(self) -> dict[str, str]:
        """Settings by which another process finds the model and runs it itself."""
        return {"EMBEDDING_MODEL": self.card.name, "MODELS_DIR": str(self.models_dir), "MODAL_ENABLED": "false"}


def find_subject(settings: Settings, name: str | None, stages: Stages) -> Subject:
    """The named model; without a name the one for production, or where it is not installed random weights of its sizes.

    Raises:
        UserError: A package is missing, or the model or its checkpoint is not installed.
    """
    for package in _NEEDED:
        if find_spec(package) is None:
            raise UserError(f"{package} is missing: pip install -c constraints.txt -e '.[bench,export]'")
    registry = build_registry(settings)
    if name is None:
        if not _is_whole(registry, registry.find(PREFERRED)):
            return random_subject(settings.data_dir / "bench" / "models", stages)
        name = PREFERRED
    try:
        card = registry.find(name)
    except UnknownModelError as error:
        raise UserError(str(error)) from error
    if card.bundled:
        raise UserError(f"{name} is no CLAP model: name one of vibe-search models list that was pulled and exported")
    if not _is_whole(registry, card):
        raise UserError(
            f"{name} is not installed together with its checkpoint: vibe-search models pull {name}, "
            f"then models export {name}"
        )
    return Subject(registry.models_dir, card, "those of the checkpoint")


def _is_whole(registry: Registry, card: ModelCard) -> bool:
    return registry.is_installed(card) and registry.checkpoint(card).is_dir()


def random_subject(models_dir: Path, stages: Stages) -> Subject:
    """Random weights of the production model's sizes, made and exported unless they are there.

    Args:
        models_dir: Where to install them.
        stages: Shows progress.

    Raises:
        RuntimeError: They cannot be made; the message says why.
    """
    registry = Registry(models_dir)
    if RANDOM not in registry.cards() or not _is_whole(registry, registry.find(RANDOM)):
        checkpoint = models_dir / f"{RANDOM}.checkpoint"
        checkpoint.mkdir(parents=True, exist_ok=True)
        # in processes of their own: torch is not to stay in this one
        make = (
            "from pathlib import Path; from models.clap.export.random_checkpoint import real_config, save_checkpoint; "
            f"save_checkpoint(Path({str(checkpoint)!r}), real_config())"
        )
        with stages.stage(f"random weights of the sizes of {PREFERRED}"):
            _run(make)
        with stages.stage("exporting them"):
            _run(_COMMAND, "models", "export", RANDOM, "--from", str(checkpoint), at=models_dir)
    return Subject(models_dir, registry.find(RANDOM), f"random, of the sizes of {PREFERRED}")


def _run(program: str, *arguments: str, at: Path | None = None) -> None:
    environment = os.environ | ({} if at is None else {"MODELS_DIR": str(at)})
    finished = subprocess.run(  # noqa: S603 - this very program
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if finished.returncode:
        raise RuntimeError(finished.stderr.strip().rpartition("\n")[2])
