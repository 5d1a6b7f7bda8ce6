"""What lies in a model's folder: exported or downloaded files, and a record of them written last.

A folder is prepared under another name and renamed when it is complete, so that a model is installed or is not.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from models.card import Card, ModelCard, ModelFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RECORD = "installed.json"
"""Name of the record in a model's folder."""

ANSWERS = "known_answers.json"
"""Name of the file by which a machine proves that it computes a model rightly; see `models.files.known_answers`."""

EXPORTED = ("audio.onnx", "text.onnx", "text.int8.onnx", "tokenizer.json", "preprocessing.json", ANSWERS)
"""What an export makes."""


class InstallationError(RuntimeError):
    """A folder that holds no model, or a damaged one; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The record of an installed model.

    Attributes:
        checkpoint: What the files were made of or are, as the model's pipeline names it: `repository@revision` where
            they come from the hub.
        files: Everything that is read when the model is opened.
        versions: Libraries that made the files, by name.
        card: The model's own card, as a table of the manifest, where the manifest has none; else empty.
    """

    checkpoint: str
    files: tuple[ModelFile, ...]
    versions: Mapping[str, str]
    card: Mapping[str, Any]

    def files_of(self, card: Card) -> tuple[ModelFile, ...]:
        """The files, if they were made of the checkpoint that the card names, else none."""
        return self.files if self.checkpoint == card.pipeline["checkpoint"] else ()


def read_installation(folder: Path) -> Installation:
    """Read the record of a model's folder.

    Raises:
        InstallationError: There is none, or it cannot be read.
    """
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        files = tuple(_read_file(file) for file in record["files"])
        return Installation(record["checkpoint"], files, record["versions"], record["card"])
    except FileNotFoundError as error:
        raise InstallationError(f"no model is installed in {folder}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InstallationError(f"{folder / RECORD} cannot be read ({error}): install the model again") from error


def _read_file(entry: Mapping[str, Any]) -> ModelFile:
    file = ModelFile(**entry)
    if file.package is not None or Path(file.path).name != file.path:
        raise ValueError(f"{file.path} is not a file of this folder")
    return file


def write_installation(
    folder: Path,
    checkpoint: str,
    versions: Mapping[str, str],
    card: Mapping[str, Any] | None = None,
    names: Sequence[str] = EXPORTED,
) -> Installation:
    """Record files of a folder: those of an export, or others of the given names.

    Raises:
        OSError: A file is missing or cannot be read or written.
    """
    files = tuple(measure_file(folder, name) for name in names)
    installation = Installation(checkpoint, files, dict(versions), dict(card or {}))
    record = {
        "checkpoint": checkpoint,
        "versions": installation.versions,
        "card": installation.card,
        "files": [asdict(file) for file in files],
    }
    (folder / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return installation


def measure_file(folder: Path, name: str) -> ModelFile:
    """Size and digest of a file.

    Raises:
        OSError: It cannot be read.
    """
    path = folder / name
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return ModelFile(path=name, sha256=digest, size=path.stat().st_size)


@contextmanager
def prepared_folder(target: Path) -> Iterator[Path]:
    """A new folder beside the target, which takes its place when the block ends well, and is removed when it does not.

    Raises:
        OSError: The folder cannot be made or renamed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield folder
        # what mkdtemp makes is for its owner alone; models are for every process of the machine
        folder.chmod(0o755)
        _replace(target, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _replace(target: Path, folder: Path) -> None:
    """Put a folder in another's place, or leave the other where it was."""
    replaced = folder.with_name(folder.name + ".replaced")
    if target.exists():
        target.rename(replaced)
    try:
        folder.rename(target)
    except OSError:
        if replaced.exists():
            replaced.rename(target)
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def install_export(exported: Path, target: Path, card: ModelCard) -> None:
    """Install a folder that an export has made on another machine.

    Args:
        exported: The folder, with its record.
        target: Where the model is to lie.
        card: The model that it should be.

    Raises:
        InstallationError: It has no record, is of another checkpoint, or a file differs from its record.
        OSError: A file cannot be read or written.
    """
    installation = read_installation(exported)
    if not installation.files_of(card):
        raise InstallationError(
            f"{exported} was made of {installation.checkpoint}, not of {card.pipeline['checkpoint']}"
        )
    with prepared_folder(target) as folder:
        for file in installation.files:
            if not (exported / file.path).is_file():
                raise InstallationError(f"{exported / file.path} is missing: copy the whole folder again")
            shutil.copyfile(exported / file.path, folder / file.path)
            if measure_file(folder, file.path) != file:
                raise InstallationError(f"{exported / file.path} is damaged: copy the folder again")
        shutil.copyfile(exported / RECORD, folder / RECORD)


def install_checkpoint(checkpoint: Path, target: Path, card: ModelCard) -> None:
    """Copy a checkpoint, in the hub's format, from a folder.

    Raises:
        InstallationError: A file is missing, or differs from the card.
        OSError: A file cannot be read or written.
    """
    hub = card.hub
    if hub is None:
        raise InstallationError(f"{card.name} has no checkpoint")
    with prepared_folder(target) as folder:
        for file in hub.files:
            if not (checkpoint / file.path).is_file():
                raise InstallationError(f"{checkpoint} lacks {file.path}")
            shutil.copyfile(checkpoint / file.path, folder / file.path)
            found = measure_file(folder, file.path)
            if file.sha256 not in {None, found.sha256} or file.size not in {None, found.size}:
                raise InstallationError(
                    f"{checkpoint / file.path} is not the file of {hub.repo} at {hub.revision[:12]}"
                )
