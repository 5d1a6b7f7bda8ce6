"""An audio store in a folder."""

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_CHUNK_BYTES = 1024 * 1024


class AudioMissingError(FileNotFoundError):
    """The store does not hold the file."""


@dataclass(frozen=True)
class StoredAudio:
    """One file in the store.

    Attributes:
        file_id: sha-256 of the content in hexadecimal, or the id that an adopted catalogue gave it.
        path: Where it lies.
        size: Bytes.
        url: Address at which others can fetch it; None where there is none.
    """

    file_id: str
    path: Path
    size: int
    url: str | None = None


class LocalAudioStore:
    """Keeps audio as ``<folder>/<first two letters of the id>/<id>.<type>``.

    Args:
        folder: Root of the store, created on the first put.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, source: BinaryIO, file_type: str) -> StoredAudio:
        """Keep a file; it appears under its name only when it is whole."""
        self._folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        size = 0
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".incoming-", delete=False) as incoming:
            part = Path(incoming.name)
            try:
                while chunk := source.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    incoming.write(chunk)
                    size += len(chunk)
                incoming.flush()
                path = self._path(digest.hexdigest(), file_type)
                path.parent.mkdir(exist_ok=True)
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        return StoredAudio(digest.hexdigest(), path, size)

    def locate(self, file_id: str, file_type: str) -> StoredAudio:
        """Find a stored file.

        Raises:
            AudioMissingError: It is not there.
        """
        path = self._path(file_id, file_type)
        try:
            return StoredAudio(file_id, path, path.stat().st_size)
        except FileNotFoundError as error:
            raise AudioMissingError(f"the audio file {file_id}.{file_type} is not in the store") from error

    def open(self, file_id: str, file_type: str) -> BinaryIO:
        """Open a stored file for reading.

        Raises:
            AudioMissingError: It is not there.
        """
        return self.locate(file_id, file_type).path.open("rb")

    def _path(self, file_id: str, file_type: str) -> Path:
        # ids and types come from the database, where anyone may have written anything
        if not (_SAFE_NAME.fullmatch(file_id) and _SAFE_NAME.fullmatch(file_type)):
            raise AudioMissingError(f"{file_id}.{file_type} cannot be the name of a stored file")
        return self._folder / file_id[:2] / f"{file_id}.{file_type}"
