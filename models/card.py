"""What is known about a model before it is loaded: its card, its files and its identity."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE = Path(__file__).parent


class ModelFileError(RuntimeError):
    """A model's file is missing or is not the one that the manifest describes."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file that a model reads.

    Attributes:
        path: Relative to this package, or to `package` where that is set; forward slashes.
        sha256: Hexadecimal digest of the content.
        size: Length in bytes.
        package: Name of an installed package that brings the file along, or None.
    """

    path: str
    sha256: str
    size: int
    package: str | None = None

    def locate(self, folder: Path | None = None) -> Path:
        """Find the file on this machine, whether or not it exists.

        Args:
            folder: Where the model is installed; None for a bundled one.

        Raises:
            ModelFileError: `package` is not installed.
        """
        if self.package is None:
            return (folder or _HERE) / self.path
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise ModelFileError(f"{self.path}: the package {self.package} is not installed")
        return Path(spec.submodule_search_locations[0]) / self.path


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a checkpoint on the hub.

    Attributes:
        path: Within the repository.
        sha256: Hexadecimal digest, or None where it is not known beforehand: then the hub's own digest at the pinned
            revision is what the download is compared with.
        size: Length in bytes, or None likewise.
    """

    path: str
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class HubSource:
    """Where a checkpoint is downloaded from.

    Attributes:
        repo: For example `"laion/clap-htsat-unfused"`.
        revision: Commit of the repository, 40 hexadecimal digits: it names the content, not a moving branch.
        files: What is needed of it.
    """

    repo: str
    revision: str
    files: tuple[HubFile, ...]


@dataclass(frozen=True, slots=True)
class WebFile:
    """One file at a web address.

    Attributes:
        path: Below the source's address; its last part is the name that it is installed under.
        sha256: Hexadecimal digest, or None where nobody has published it: then the digest of the first download is
            recorded, and compared from then on.
        size: Length in bytes, or None likewise.
    """

    path: str
    sha256: str | None = None
    size: int | None = None

    @property
    def name(self) -> str:
        """What it is called in the model's folder."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class WebSource:
    """Files that somebody publishes at a web address, with nothing to say which version they are of.

    Attributes:
        address: What the files' paths are appended to, with a slash at its end.
        files: What is needed.
    """

    address: str
    files: tuple[WebFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the manifest says of a model of any kind.

    Attributes:
        name: Short name, used in settings and table names.
        implementation: Where its class lies, as `module:class`; called with the card and `RunOptions`.
        sample_rate: Samples per second of the waveform that it takes, in Hz.
        licence: SPDX identifier of the weights' licence.
        source: Where the weights come from.
        description: One sentence for people choosing a model.
        bundled: Whether the weights are in this repository.
        files: Everything that is read when the model is opened; of one that is not bundled, nothing before it is
            installed.
        pipeline: Everything else that shapes its results: checkpoint, preprocessing, windows, pooling, text
            half, precision. The implementation reads its parameters from here.
        folder: Where its files lie; None for a bundled one, whose files lie beside this module or in a package.
        answers: Vectors that it is known to make, see `models.files.known_answers`; None for a model that makes none,
            or was exported before they were recorded. Not in the identity: they prove vectors, and do not shape them.
    """

    name: str
    implementation: str
    sample_rate: int
    licence: str
    source: str
    description: str
    bundled: bool
    files: tuple[ModelFile, ...]
    pipeline: Mapping[str, Any]
    folder: Path | None = None
    answers: ModelFile | None = None

    @property
    def identity(self) -> str:
        """Name and fingerprint, `name@` and 12 hexadecimal digits.

        Two vectors may be compared only when they bear the same identity. The fingerprint is the beginning of the
        SHA-256 of the canonical JSON (sorted keys, no spaces) of the pipeline and, for a bundled model, of every file's
        digest. What was exported from a checkpoint counts by the checkpoint's revision, which the pipeline names: two
        machines that export on their own agree.
        """
        content: dict[str, object] = {"pipeline": self.pipeline}
        if self.bundled:
            content["files"] = {f"{file.package or ''}:{file.path}": file.sha256 for file in self.files}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return f"{self.name}@{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"

    def locate(self, filename: str) -> Path:
        """Find one of the files by the last part of its path.

        Raises:
            ModelFileError: The card lists no such file, or its package is not installed.
        """
        for file in self.files:
            if file.path.rpartition("/")[2] == filename:
                return file.locate(self.folder)
        raise ModelFileError(f"{self.name} lists no file named {filename}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard(Card):
    """A model that embeds, and its entry in the manifest.

    Attributes:
        dimensions: Length of its vectors.
        match: `slope` and `intercept` of the log-odds that a track matches a description, given its standard score
            among the description's similarities; docs/why/confidence.md. No part of the identity: vectors stay.
        hub: Where its checkpoint comes from; None for a bundled model.
        genres: Whether it names genres too.
    """

    dimensions: int
    match: Mapping[str, float]
    hub: HubSource | None = None
    genres: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreCard(Card):
    """A model that only names genres, and its entry in the manifest.

    Attributes:
        web: Where its files come from.
    """

    web: WebSource


def verify_files(card: Card) -> None:
    """Compare every file of a model with the manifest.

    Args:
        card: The model's card.

    Raises:
        ModelFileError: A file is missing, or its size or digest differs; the message names the file.
    """
    if not card.files:
        then = "" if isinstance(card, GenreCard) else f", then models export {card.name}"
        raise ModelFileError(f"{card.name} is not installed: vibe-search models pull {card.name}{then}")
    for file in card.files if card.answers is None else (*card.files, card.answers):
        path = file.locate(card.folder)
        if not path.is_file():
            raise ModelFileError(f"{card.name}: {path} is missing")
        if (size := path.stat().st_size) != file.size:
            raise ModelFileError(f"{card.name}: {path} has {size:,} bytes instead of {file.size:,}")
        with path.open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != file.sha256:
                raise ModelFileError(f"{card.name}: {path} is damaged or has been changed (its SHA-256 differs)")
