"""The models that this installation knows, and how to open one.

`manifest.toml` beside this module is the list. A model is opened at most once a process for each number of
threads, after its files have been compared with the manifest.
"""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, cast

from models.model_card import ModelCard, ModelFile, ModelFileError, verify_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.embedding_model import EmbeddingModel

__all__ = [
    "MANIFEST",
    "ManifestError",
    "ModelCard",
    "ModelFile",
    "ModelFileError",
    "UnknownModelError",
    "find_model",
    "load_manifest",
    "open_model",
    "verify_files",
]

MANIFEST = Path(__file__).with_name("manifest.toml")

_opened: dict[tuple[str, int], EmbeddingModel] = {}
_opening = Lock()


class ManifestError(ValueError):
    """The manifest does not describe models as it should."""


class UnknownModelError(LookupError):
    """No model of that name is in the manifest."""


def load_manifest(path: Path = MANIFEST) -> dict[str, ModelCard]:
    """Read the manifest.

    Args:
        path: The TOML file, one `[[model]]` table a model.

    Returns:
        Cards by name, in the manifest's order.

    Raises:
        ManifestError: Not TOML, a field is missing or unknown, or a name occurs twice.
        OSError: The file cannot be read.
    """
    cards: dict[str, ModelCard] = {}
    try:
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["model"]:
            files = tuple(ModelFile(**file) for file in entry.pop("files"))
            card = ModelCard(files=files, **entry)
            if card.name in cards:
                raise ManifestError(f"{path.name}: the name {card.name} occurs twice")
            cards[card.name] = card
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{path.name}: {error}") from error
    return cards


def find_model(name: str) -> ModelCard:
    """Look a model up by name.

    Args:
        name: For example `"musicnn-tags"`.

    Returns:
        Its card.

    Raises:
        UnknownModelError: There is none; the message lists the names that there are.
    """
    cards = load_manifest()
    if name not in cards:
        raise UnknownModelError(f"no model is named {name!r}; known are: {', '.join(cards)}")
    return cards[name]


def open_model(name: str, *, threads: int = 1) -> EmbeddingModel:
    """Open a model, or return it if it is open already.

    Args:
        name: For example `"musicnn-tags"`.
        threads: Processor threads for one forward pass.

    Returns:
        The loaded model, shared by everyone in the process who asks for the same name and number of threads.

    Raises:
        UnknownModelError: The manifest has no such model.
        ModelFileError: A file is missing or damaged.
        ValueError: `threads` is not positive.
    """
    key = (name, threads)
    if key in _opened:
        return _opened[key]
    card = find_model(name)
    with _opening:
        if key not in _opened:
            verify_files(card)
            module, _, class_name = card.implementation.partition(":")
            build = cast("Callable[..., EmbeddingModel]", getattr(import_module(module), class_name))
            _opened[key] = build(card, threads=threads)
        return _opened[key]
