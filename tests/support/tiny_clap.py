"""A CLAP model with random weights, exported and installed like any other, in about a second."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from models.clap.export.random_checkpoint import save_checkpoint, tiny_config
from models.files.installation import prepared_folder, write_installation
from models.registry import Registry, find_model

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import ClapConfig

    from models.card import ModelCard

NAME = "tiny-clap"


def exported_clap(checkpoint: Path, folder: Path) -> dict[str, Any]:
    """Export a checkpoint into a folder that exists; what preprocessing.json then says."""
    from models.clap.export.export import export_checkpoint

    export_checkpoint(checkpoint, folder, lambda _: None)
    figures: dict[str, Any] = json.loads((folder / "preprocessing.json").read_text(encoding="utf-8"))
    return figures


def card_of(name: str, preprocessing: dict[str, Any], precision: str = "audio float32, text int8") -> dict[str, Any]:
    """A card, as a table of the manifest, for an export whose preprocessing.json is given."""
    like = find_model("clap-htsat-unfused")
    window = preprocessing["window_samples"]
    return {
        "name": name,
        "implementation": like.implementation,
        "dimensions": preprocessing["dimensions"],
        "sample_rate": preprocessing["sample_rate"],
        "licence": "none",
        "source": "random weights",
        "description": "A CLAP model with random weights.",
        "bundled": False,
        "match": dict(like.match),
        "hub": {"repo": name, "revision": "0" * 40, "files": []},
        "pipeline": {
            "checkpoint": f"{name}@{'0' * 12}",
            "silence": like.pipeline["silence"],
            "pooling": like.pipeline["pooling"],
            "precision": precision,
            "preprocessing": {key: value for key, value in preprocessing.items() if key != "dimensions"},
            "windows": {"size": window, "hop": window, "most": 90},
        },
    }


def install_clap(
    models_dir: Path, checkpoint: Path, name: str = NAME, precision: str = "audio float32, text int8"
) -> ModelCard:
    """Export a checkpoint and install it in a folder of models; its card, as the registry has it."""
    with prepared_folder(models_dir / name) as folder:
        card = card_of(name, exported_clap(checkpoint, folder), precision)
        write_installation(folder, card["pipeline"]["checkpoint"], {}, card)
    return Registry(models_dir).find(name)


def install_tiny_clap(
    models_dir: Path, name: str = NAME, *, config: ClapConfig | None = None, seed: int = 0
) -> ModelCard:
    """Make a checkpoint with random weights, in NAME.checkpoint, and install it in a folder of models."""
    checkpoint = save_checkpoint(models_dir / f"{name}.checkpoint", config or tiny_config(), seed=seed)
    return install_clap(models_dir, checkpoint, name)
