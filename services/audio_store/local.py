"""An audio store in a folder."""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from services.audio_store.content import StoredAudio, file_name, hash_content, require_file_type, split_name
from services.audio_store.errors import AudioMissingError
from services.audio_store.staged import StagedAudio

_UNFINISHED = ".incoming-"


class LocalAudioStore:
    """Keeps audio as ``<folder>/<first two letters of the id>/<id>.<type>``.

    Args:
        folder: Root of the store, created on the first put.
    """

    writable = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def stage(self, source: BinaryIO, file_type: str) -> StagedAudio:
        """Copy a file into the folder, to the disk, and hash it on the way; it gets its name when it is kept.

        Raises:
            ValueError: ``file_type`` cannot be the extension of a stored file.
        """
        require_file_type(file_type)
        # private tracks lie here too
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=_UNFINISHED, delete=False) as incoming:
            part = Path(incoming.name)
            try:
                file_id = hash_content(source, copy_to=cast("BinaryIO", incoming))
                incoming.flush()
                os.fsync(incoming.fileno())
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        keep = partial(self._keep, part, file_id, file_type)
        return StagedAudio(file_id, keep, partial(part.unlink, missing_ok=True))

    def put(self, source: BinaryIO, file_type: str) -> StoredAudio:
        """Keep a file; it appears under its name only when it is whole, and is on the disk when this returns.

        Raises:
            ValueError: ``file_type`` cannot be the extension of a stored file.
        """
        with self.stage(source, file_type) as staged:
            return staged.keep()

    def locate(self, file_id: str, file_type: str, *, address: str | None = None) -> StoredAudio:  # noqa: ARG002 - an address is never in a folder
        """Find a stored file.

        Raises:
            AudioMissingError: It is not there.
        """
        path = self._path(file_id, file_type)
        try:
            return _stored(path, file_id, file_type)
        except FileNotFoundError as error:
            raise AudioMissingError(f"the audio file {file_id}.{file_type} is not in the store") from error

    def open(self, file_id: str, file_type: str, *, address: str | None = None) -> BinaryIO:  # noqa: ARG002 - as above
        """Open a stored file for reading.

        Raises:
            AudioMissingError: It is not there.
        """
        path = self._path(file_id, file_type)
        try:
            return path.open("rb")
        except FileNotFoundError as error:
            raise AudioMissingError(f"the audio file {file_id}.{file_type} is not in the store") from error

    def remove(self, file_id: str, file_type: str) -> bool:
        """Remove a stored file; False when it is not there."""
        try:
            self._path(file_id, file_type).unlink()
        except FileNotFoundError:
            return False
        return True

    def files(self) -> Iterator[StoredAudio]:
        """Everything that was put here, in no order."""
        for path in self._folder.glob("*/*"):
            name = split_name(path.name)
            if name is not None and path == self._path(*name):
                try:
                    yield _stored(path, *name)
                except FileNotFoundError:
                    # removed since the folder was listed
                    continue

    def remove_unfinished(self, before: datetime) -> int:
        """Remove parts of files that were last written to before an instant; how many there were."""
        count = 0
        for part in self._folder.glob(f"{_UNFINISHED}*"):
            try:
                if part.stat().st_mtime < before.timestamp():
                    part.unlink()
                    count += 1
            except FileNotFoundError:
                # its upload has ended since
                continue
        return count

    def _keep(self, part: Path, file_id: str, file_type: str) -> StoredAudio:
        path = self._path(file_id, file_type)
        path.parent.mkdir(exist_ok=True)
        os.utime(part)
        part.replace(path)
        # a name is on the disk when its folder is
        for folder in (path.parent, self._folder):
            _sync_folder(folder)
        return self.locate(file_id, file_type)

    def _path(self, file_id: str, file_type: str) -> Path:
        return self._folder / file_id[:2] / file_name(file_id, file_type)


def _stored(path: Path, file_id: str, file_type: str) -> StoredAudio:
    state = path.stat()
    return StoredAudio(file_id, file_type, state.st_size, datetime.fromtimestamp(state.st_mtime, UTC), path=path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
