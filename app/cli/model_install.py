"""vibe-search models pull, export and remove: what lies in MODELS_DIR."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from app.cli.model_switch import remove_store
from app.errors import UserError, is_disk_full
from app.providers import build_registry
from app.settings import get_settings
from app.terminal import print_line
from models.files.download import DownloadProgress
from models.files.hub import download_checkpoint
from models.files.installation import (
    RECORD,
    InstallationError,
    install_checkpoint,
    install_export,
    measure_file,
    prepared_folder,
    write_installation,
)
from models.files.web import download_files, install_files
from models.registry import GenreCard, ModelCard, Registry, UnknownModelError, find_model, load_all

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_NAME_DIGITS = 12


def pull(*, name: str, folder: Path | None) -> None:
    """Install a model's checkpoint in MODELS_DIR, at the commit that the manifest names."""
    registry = build_registry(get_settings())
    card = _downloadable(registry, name)
    with _reporting():
        if isinstance(card, GenreCard):
            _pull_genres(registry, card, folder)
            return
        if folder is not None and (folder / RECORD).is_file():
            install_export(folder, registry.folder(card), card)
            print_line(f"{name} is installed: vibe-search models use {name}")
            return
        if folder is not None:
            install_checkpoint(folder, registry.checkpoint(card), card)
        else:
            _download(card, registry.checkpoint(card))
    print_line(f"the checkpoint of {name} is here: vibe-search models export {name}")


def export(*, name: str, folder: Path | None, as_json: bool) -> None:
    """Make the files that a model runs from out of its checkpoint, and compare them with transformers."""
    registry = build_registry(get_settings())
    card = registry.all_cards().get(name)
    if isinstance(card, GenreCard):
        raise UserError(f"{name} only names genres: there is nothing to export")
    if card is not None and card.bundled:
        raise UserError(f"{name} is bundled: there is nothing to export")
    if card is None and folder is None:
        raise UserError(f"no model is named {name!r}: give its checkpoint with --from FOLDER")
    checkpoint = folder or (None if card is None else registry.checkpoint(card))
    if checkpoint is None or not checkpoint.is_dir():
        raise UserError(f"the checkpoint of {name} is not here: vibe-search models pull {name}")
    report = _export(registry, name, checkpoint, own=name not in load_all())
    if as_json:
        print_line(json.dumps(report, indent=2))
        return
    print_line(
        f"{name} is installed. Beside transformers: sounds differ by {report['audio_difference']:.1e}, "
        f"texts by {report['text_difference']:.1e}, int8 texts have a cosine of {report['int8_cosine']:.5f} at least "
        f"({report['int8_layout']})"
    )


def remove(*, name: str) -> None:
    """Remove a model: its vectors in the database, and its files in MODELS_DIR."""
    registry = build_registry(get_settings())
    try:
        card = registry.find_any(name)
    except UnknownModelError as error:
        raise UserError(str(error)) from error
    stored = isinstance(card, ModelCard) and remove_store(card.identity)
    installed = [folder for folder in (registry.folder(card), registry.checkpoint(card)) if folder.is_dir()]
    for folder in [] if card.bundled else installed:
        shutil.rmtree(folder)
    if not stored and (card.bundled or not installed):
        raise UserError(f"there is nothing of {name} to remove")
    print_line(f"{name} is removed")


def _downloadable(registry: Registry, name: str) -> ModelCard | GenreCard:
    try:
        card = registry.find_any(name)
    except UnknownModelError as error:
        raise UserError(str(error)) from error
    if isinstance(card, GenreCard):
        return card
    if not isinstance(card, ModelCard) or card.hub is None or not card.hub.files:
        raise UserError(f"{name} is {'bundled' if card.bundled else 'of a checkpoint of your own'}: nothing to pull")
    return card


def _download(card: ModelCard, target: Path) -> None:
    if card.hub is not None:
        with _progress() as show:
            download_checkpoint(card.hub, target, show)


def _pull_genres(registry: Registry, card: GenreCard, folder: Path | None) -> None:
    """Install the files of a folder, or download them; a download that is no such model is not kept."""
    downloaded = registry.checkpoint(card)
    if folder is None:
        with _progress() as show:
            download_files(card.web, downloaded, show)
    try:
        install_files(folder or downloaded, registry.folder(card), card)
    except InstallationError:
        if folder is None:
            shutil.rmtree(downloaded)
        raise
    if folder is None:
        shutil.rmtree(downloaded)
    print_line(f"{card.name} is installed. Its licence is {card.licence}: {card.description}")


@contextmanager
def _progress() -> Iterator[DownloadProgress]:
    """Bars for the files that are being downloaded."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars: dict[str, Any] = {}

        def show(file: str, done: int, size: int | None) -> None:
            if file not in bars:
                bars[file] = progress.add_task(file, total=size)
            progress.update(bars[file], completed=done, total=size)

        yield show


def _export(registry: Registry, name: str, checkpoint: Path, *, own: bool) -> dict[str, Any]:
    """Export into a folder that takes the model's place when everything is right."""
    try:
        from models.clap.export.export import ExportError, export_checkpoint  # noqa: PLC0415 - torch is an extra
    except ImportError as error:
        raise UserError(f"{error.name} is missing: pip install 'vibe-search[export]'") from error
    console = Console(stderr=True)
    with _reporting(), prepared_folder(registry.models_dir / name) as folder:
        try:
            with console.status("") as status:
                report = export_checkpoint(checkpoint, folder, status.update)
        except ExportError as error:
            raise UserError(f"{name} cannot be exported: {error}") from error
        card = _own_card(name, checkpoint, folder) if own else None
        made_of = card["pipeline"]["checkpoint"] if card else registry.find(name).pipeline["checkpoint"]
        write_installation(folder, made_of, report.versions, card)
        return report.as_dict()


def _own_card(name: str, checkpoint: Path, exported: Path) -> dict[str, Any]:
    """The card of a checkpoint that the manifest does not know: as CLAP's, with what the export has found."""
    preprocessing = json.loads((exported / "preprocessing.json").read_text(encoding="utf-8"))
    dimensions = preprocessing.pop("dimensions")
    revision = _own_revision(checkpoint, exported)
    like = find_model("clap-htsat-unfused")
    window = preprocessing["window_samples"]
    return {
        "name": name,
        "implementation": like.implementation,
        "dimensions": dimensions,
        "sample_rate": preprocessing["sample_rate"],
        "licence": "not stated",
        "source": "a checkpoint of your own",
        "description": "A CLAP model of your own.",
        "bundled": False,
        "match": dict(like.match),
        "hub": {"repo": name, "revision": revision, "files": []},
        "pipeline": {
            "checkpoint": f"{name}@{revision[:_NAME_DIGITS]}",
            "silence": like.pipeline["silence"],
            "pooling": like.pipeline["pooling"],
            "precision": like.pipeline["precision"],
            "preprocessing": preprocessing,
            "windows": {"size": window, "hop": window, "most": 90},
        },
    }


def _own_revision(checkpoint: Path, exported: Path) -> str:
    """What stands for a commit of the hub: a digest of all that shapes vectors and is not in the card itself."""
    weights = next((file for file in _WEIGHTS if (checkpoint / file).is_file()), None)
    if weights is None:
        raise InstallationError(f"{checkpoint} holds no weights: {' or '.join(_WEIGHTS)}")
    shaping = (checkpoint, weights), (checkpoint, "config.json"), (exported, "tokenizer.json")
    return sha256("".join(measure_file(*file).sha256 for file in shaping).encode("ascii")).hexdigest()


@contextmanager
def _reporting() -> Iterator[None]:
    """What is wrong with files or the network is for the user to mend."""
    try:
        yield
    except InstallationError as error:
        raise UserError(str(error)) from error
    except OSError as error:
        if is_disk_full(error):
            raise
        raise UserError(f"{error.filename or 'a file'}: {error.strerror or error}") from error
