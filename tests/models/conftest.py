"""Models with random weights, made once for a test process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from models.clap import Clap
from models.clap.export.random_checkpoint import save_checkpoint, tiny_config
from tests.support.tiny_clap import NAME, install_clap
from tests.support.transformers_clap import TransformersClap

if TYPE_CHECKING:
    from pathlib import Path

    from models.card import ModelCard


# products as small as these wait longer for a second thread than they take
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the models of these tests are installed."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def tiny_checkpoint(models_dir: Path) -> Path:
    """A small checkpoint in the hub's format; not to be written to."""
    return save_checkpoint(models_dir / f"{NAME}.checkpoint", tiny_config())


@pytest.fixture(scope="session")
def tiny_card(models_dir: Path, tiny_checkpoint: Path) -> ModelCard:
    """The small checkpoint, exported and installed in `models_dir`."""
    return install_clap(models_dir, tiny_checkpoint)


@pytest.fixture(scope="session")
def tiny_clap(tiny_card: ModelCard) -> Clap:
    """The small model, opened."""
    return Clap(tiny_card)


@pytest.fixture(scope="session")
def reference(tiny_checkpoint: Path) -> TransformersClap:
    """The small checkpoint in transformers."""
    return TransformersClap(tiny_checkpoint)
