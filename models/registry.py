"""The models that this installation knows, and how to open one.

`manifest.toml` beside this module is the list; models that were installed from a checkpoint of one's own are known by
their folder. A model is opened at most once a process, after its files have been compared with what is recorded.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from models.installation import RECORD, InstallationError, read_installation
from models.model_card import HubFile, HubSource, ModelCard, ModelFile, ModelFileError, verify_files
from models.run_options import RunOptions
from models.windows import count_windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.embedding_model import EmbeddingModel

__all__ = [
    "MANIFEST",
    "HubFile",
    "HubSource",
    "ManifestError",
    "ModelCard",
    "ModelFile",
    "ModelFileError",
    "Registry",
    "UnknownModelError",
    "find_model",
    "load_manifest",
    "open_model",
    "verify_files",
]

MANIFEST = Path(__file__).with_name("manifest.toml")

_opened: dict[tuple[str, Path | None, RunOptions], EmbeddingModel] = {}
_opening = Lock()


class ManifestError(ValueError):
    """The manifest does not describe models as it should."""


class UnknownModelError(LookupError):
    """No model of that name is known."""


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
            card = _read_card(entry)
            if card.name in cards:
                raise ManifestError(f"{path.name}: the name {card.name} occurs twice")
            cards[card.name] = card
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{path.name}: {error}") from error
    return cards


def _read_card(entry: dict[str, Any]) -> ModelCard:
    files = tuple(ModelFile(**file) for file in entry.pop("files", ()))
    hub = entry.pop("hub", None)
    if (hub is None) == (not files):
        raise ManifestError(f"{entry.get('name')}: a model has either files or a hub")
    if hub is not None:
        hub = HubSource(files=tuple(HubFile(**file) for file in hub.pop("files")), **hub)
    return ModelCard(files=files, hub=hub, **entry)


def find_model(name: str) -> ModelCard:
    """Look a model of the manifest up by name.

    Args:
        name: For example `"musicnn-tags"`.

    Returns:
        Its card.

    Raises:
        UnknownModelError: There is none; the message lists the names that there are.
    """
    return _pick(load_manifest(), name)


class Registry:
    """The manifest's models and the installed ones, with this installation's windows.

    Args:
        models_dir: Where models are installed, a folder each, named after the model.
        hop_seconds: Distance between the windows of a model that lets it be chosen.
        max_seconds: Audio beyond which such a model hears windows spread evenly over the track.
    """

    def __init__(self, models_dir: Path, hop_seconds: float = 10.0, max_seconds: float = 900.0) -> None:
        self.models_dir = models_dir
        self._hop_seconds = hop_seconds
        self._max_seconds = max_seconds

    def cards(self) -> dict[str, ModelCard]:
        """Every model by name: the manifest's in its order, then those that are only installed.

        An installation that cannot be read counts as none: opening the model says what is wrong with it.
        """
        cards = {name: self._adapt(card) for name, card in load_manifest().items()}
        for folder in sorted(self.models_dir.iterdir()) if self.models_dir.is_dir() else []:
            # what is being prepared bears a dot
            if folder.name not in cards and not folder.name.startswith(".") and (folder / RECORD).is_file():
                own = self._read_own(folder)
                if own is not None:
                    cards[own.name] = own
        return cards

    def find(self, name: str) -> ModelCard:
        """Look a model up by name.

        Raises:
            UnknownModelError: There is none; the message lists the names that there are.
        """
        return _pick(self.cards(), name)

    def find_identity(self, identity: str) -> ModelCard | None:
        """Look a model up by identity."""
        return next((card for card in self.cards().values() if card.identity == identity), None)

    def folder(self, card: ModelCard) -> Path:
        """Where a model from a hub lies, or will."""
        return self.models_dir / card.name

    def checkpoint(self, card: ModelCard) -> Path:
        """Where the checkpoint of a model lies, or will: beside its folder, for it is not needed to serve."""
        return self.models_dir / f"{card.name}.checkpoint"

    def is_installed(self, card: ModelCard) -> bool:
        """Whether the model's files are there; what is in them is seen when it is opened."""
        return bool(card.files) and all(file.locate(card.folder).is_file() for file in card.files)

    def _adapt(self, card: ModelCard) -> ModelCard:
        """A card with the configured windows and, where it is installed, with its files."""
        if card.bundled:
            return card
        folder = self.folder(card)
        try:
            files = read_installation(folder).files_of(card)
        except InstallationError:
            files = ()
        window = card.pipeline["windows"]["size"]
        # nothing may lie between two windows
        hop = min(window, max(1, round(self._hop_seconds * card.sample_rate)))
        most = count_windows(round(self._max_seconds * card.sample_rate), window, hop)
        windows = {"size": window, "hop": hop, "most": most}
        return replace(card, files=files, folder=folder, pipeline={**card.pipeline, "windows": windows})

    def _read_own(self, folder: Path) -> ModelCard | None:
        try:
            card = _read_card({**read_installation(folder).card})
            # a copy under another name is not the model that its vectors are named after
            return self._adapt(card) if card.name == folder.name else None
        except (InstallationError, ManifestError, TypeError, KeyError, AttributeError):
            return None


def open_model(model: str | ModelCard, options: RunOptions | None = None) -> EmbeddingModel:
    """Open a model, or return it if it is open already.

    Args:
        model: A card, or the name of a bundled model.
        options: How it runs; None takes the defaults.

    Returns:
        The model, shared by everyone in the process who asks for the same one with the same options.

    Raises:
        UnknownModelError: The manifest has no such model.
        ModelFileError: It is not installed, or a file is missing or damaged.
    """
    card = find_model(model) if isinstance(model, str) else model
    chosen = RunOptions() if options is None else options
    key = (card.identity, card.folder, chosen)
    with _opening:
        if key not in _opened:
            verify_files(card)
            module, _, class_name = card.implementation.partition(":")
            build = cast(
                "Callable[[ModelCard, RunOptions], EmbeddingModel]", getattr(import_module(module), class_name)
            )
            _opened[key] = build(card, chosen)
        return _opened[key]


def _pick(cards: dict[str, ModelCard], name: str) -> ModelCard:
    if name not in cards:
        raise UnknownModelError(f"no model is named {name!r}; known are: {', '.join(cards)}")
    return cards[name]
