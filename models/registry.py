"""The models that this installation knows, and how to open one.

`manifest.toml` beside this module is the list; models that were installed from a checkpoint of one's own are known by
their folder. A model is opened at most once a process, after its files have been compared with what is recorded.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from models.audio.windows import count_windows
from models.card import (
    Card,
    GenreCard,
    HubFile,
    HubSource,
    ModelCard,
    ModelFile,
    ModelFileError,
    WebFile,
    WebSource,
    verify_files,
)
from models.files.installation import ANSWERS, RECORD, InstallationError, read_installation
from models.implementation import build_model
from models.runtime.run_options import RunOptions

if TYPE_CHECKING:
    from models.genres import GenreModel
    from models.model import EmbeddingModel

__all__ = [
    "BUNDLED_GENRES",
    "MANIFEST",
    "Card",
    "GenreCard",
    "HubFile",
    "HubSource",
    "ManifestError",
    "ModelCard",
    "ModelFile",
    "ModelFileError",
    "Registry",
    "UnknownModelError",
    "WebFile",
    "WebSource",
    "WrongKindError",
    "find_model",
    "load_all",
    "load_manifest",
    "open_genre_model",
    "open_model",
    "verify_files",
]

MANIFEST = Path(__file__).with_name("manifest.toml")

BUNDLED_GENRES = "musicnn-tags"
"""The model that names genres where nothing else is chosen, whichever model embeds."""

AnyCard = TypeVar("AnyCard", bound=Card)

_opened: dict[tuple[str, Path | None, RunOptions], object] = {}
_opening = Lock()


class ManifestError(ValueError):
    """The manifest does not describe models as it should."""


class UnknownModelError(LookupError):
    """No model of that name is known."""


class WrongKindError(UnknownModelError):
    """There is a model of that name, and it does something else."""


def load_manifest(path: Path = MANIFEST) -> dict[str, ModelCard]:
    """Read the models of the manifest that embed.

    Args:
        path: The TOML file, one `[[model]]` table a model.

    Returns:
        Cards by name, in the manifest's order.

    Raises:
        ManifestError: Not TOML, a field is missing or unknown, or a name occurs twice.
        OSError: The file cannot be read.
    """
    return {name: card for name, card in load_all(path).items() if isinstance(card, ModelCard)}


def load_all(path: Path = MANIFEST) -> dict[str, Card]:
    """Read the manifest, models of every kind; see `load_manifest`.

    Raises:
        ManifestError: As there.
        OSError: As there.
    """
    cards: dict[str, Card] = {}
    try:
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["model"]:
            card = _read_card(entry)
            if card.name in cards:
                raise ManifestError(f"{path.name}: the name {card.name} occurs twice")
            cards[card.name] = card
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{path.name}: {error}") from error
    return cards


def _read_card(entry: dict[str, Any]) -> Card:
    kind = entry.pop("kind", "embedding")
    if kind == "genres":
        web = entry.pop("web")
        source = WebSource(files=tuple(WebFile(**file) for file in web.pop("files")), **web)
        return GenreCard(files=(), bundled=False, web=source, **entry)
    if kind != "embedding":
        raise ManifestError(f"{entry.get('name')}: a model's kind is embedding or genres, not {kind}")
    files = tuple(ModelFile(**file) for file in entry.pop("files", ()))
    answers = entry.pop("answers", None)
    hub = entry.pop("hub", None)
    if (hub is None) == (not files):
        raise ManifestError(f"{entry.get('name')}: a model has either files or a hub")
    if hub is not None:
        hub = HubSource(files=tuple(HubFile(**file) for file in hub.pop("files")), **hub)
    return ModelCard(files=files, hub=hub, answers=None if answers is None else ModelFile(**answers), **entry)


def find_model(name: str) -> ModelCard:
    """Look a model of the manifest up by name.

    Args:
        name: For example `"musicnn-tags"`.

    Returns:
        Its card.

    Raises:
        UnknownModelError: There is none that embeds; the message lists the names that there are.
    """
    return _pick_embedding(load_all(), name)


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
        """Every model that embeds, by name: the manifest's in its order, then those that are only installed.

        An installation that cannot be read counts as none: opening the model says what is wrong with it.
        """
        return {name: card for name, card in self.all_cards().items() if isinstance(card, ModelCard)}

    def all_cards(self) -> dict[str, Card]:
        """The same of every kind."""
        cards = {name: self._adapt(card) for name, card in load_all().items()}
        for folder in sorted(self.models_dir.iterdir()) if self.models_dir.is_dir() else []:
            # what is being prepared bears a dot
            if folder.name not in cards and not folder.name.startswith(".") and (folder / RECORD).is_file():
                own = self._read_own(folder)
                if own is not None:
                    cards[own.name] = own
        return cards

    def find(self, name: str) -> ModelCard:
        """Look a model that embeds up by name.

        Raises:
            WrongKindError: The model of that name only names genres.
            UnknownModelError: There is none; the message lists the names that there are.
        """
        return _pick_embedding(self.all_cards(), name)

    def find_any(self, name: str) -> Card:
        """Look a model of any kind up by name.

        Raises:
            UnknownModelError: There is none; the message lists the names that there are.
        """
        return _pick(self.all_cards(), name)

    def find_genre_model(self, name: str) -> Card:
        """Look a model that names genres up by name, whether or not it is installed.

        Raises:
            WrongKindError: The model of that name names none; the message lists those that do.
            UnknownModelError: There is none; likewise.
        """
        cards = self.all_cards()
        able = {key: card for key, card in cards.items() if _names_genres(card)}
        if name in cards and name not in able:
            raise WrongKindError(f"{name} names no genres; those that do are: {', '.join(able)}")
        return _pick(able, name)

    def find_identity(self, identity: str) -> ModelCard | None:
        """Look a model up by identity."""
        return next((card for card in self.cards().values() if card.identity == identity), None)

    def folder(self, card: Card) -> Path:
        """Where a model that is not bundled lies, or will."""
        return self.models_dir / card.name

    def checkpoint(self, card: Card) -> Path:
        """Where the checkpoint of a model lies, or will: beside its folder, for it is not needed to serve."""
        return self.models_dir / f"{card.name}.checkpoint"

    def is_installed(self, card: Card) -> bool:
        """Whether the model's files are there; what is in them is seen when it is opened."""
        return bool(card.files) and all(file.locate(card.folder).is_file() for file in card.files)

    def _adapt(self, card: AnyCard) -> AnyCard:
        """A card with its files, where it is installed, and a model that embeds with the configured windows."""
        if card.bundled:
            return card
        folder = self.folder(card)
        try:
            files = read_installation(folder).files_of(card)
        except InstallationError:
            files = ()
        if isinstance(card, GenreCard):
            return replace(card, files=files, folder=folder)
        window = card.pipeline["windows"]["size"]
        # nothing may lie between two windows
        hop = min(window, max(1, round(self._hop_seconds * card.sample_rate)))
        most = count_windows(round(self._max_seconds * card.sample_rate), window, hop)
        windows = {"size": window, "hop": hop, "most": most}
        return replace(
            card,
            files=tuple(file for file in files if file.path != ANSWERS),
            answers=next((file for file in files if file.path == ANSWERS), None),
            folder=folder,
            pipeline={**card.pipeline, "windows": windows},
        )

    def _read_own(self, folder: Path) -> Card | None:
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
    return cast("EmbeddingModel", _open(card, options))


def open_genre_model(card: Card, options: RunOptions | None = None) -> GenreModel:
    """Open a model that names genres, as `open_model`; one that embeds too is the same object there and here.

    Args:
        card: From `Registry.find_genre_model`.
        options: How it runs; None takes the defaults.

    Raises:
        ModelFileError: It is not installed, or a file is missing, damaged or not of such a model.
    """
    return cast("GenreModel", _open(card, options))


def _open(card: Card, options: RunOptions | None) -> object:
    chosen = RunOptions() if options is None else options
    key = (card.identity, card.folder, chosen)
    with _opening:
        if key not in _opened:
            verify_files(card)
            _opened[key] = build_model(card, chosen)
        return _opened[key]


def _names_genres(card: Card) -> bool:
    return isinstance(card, GenreCard) or (isinstance(card, ModelCard) and card.genres)


def _pick_embedding(cards: dict[str, Card], name: str) -> ModelCard:
    card = cards.get(name)
    if isinstance(card, GenreCard):
        raise WrongKindError(f"{name} only names genres: it makes no vectors, and nothing can be searched by it")
    return _pick({key: known for key, known in cards.items() if isinstance(known, ModelCard)}, name)


def _pick(cards: dict[str, AnyCard], name: str) -> AnyCard:
    if name not in cards:
        raise UnknownModelError(f"no model is named {name!r}; known are: {', '.join(cards)}")
    return cards[name]
