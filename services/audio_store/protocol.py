"""What every store does, wherever it keeps the audio."""

from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, Protocol

from services.audio_store.content import StoredAudio
from services.audio_store.staged import StagedAudio


class AudioStore(Protocol):
    """A content-addressed store: the same bytes always have the same ``file_id``.

    The methods block and may be called from any thread. Beside what is listed they raise AudioStoreError when the
    store does not answer or refuses. An ``address`` is the public one that a catalogue has for a file (``r2_url``):
    it says which object of this very store is meant, and one that leads anywhere else is ignored.
    """

    @property
    def writable(self) -> bool:
        """Whether files can be put, removed and listed."""
        ...

    def stage(self, source: BinaryIO, file_type: str) -> StagedAudio:
        """Read and hash all that ``source`` still holds, for a caller that needs the id before the file is stored.

        The store computes the id and takes none from a caller: no file gets a name that is not its digest.

        Args:
            source: Seekable; stays open and unchanged until the file is kept.
            file_type: Extension, without the dot.

        Raises:
            ValueError: ``file_type`` cannot be the extension of a stored file.
            ReadOnlyStoreError: The store is not writable.
        """
        ...

    def put(self, source: BinaryIO, file_type: str) -> StoredAudio:
        """Stage and keep all that ``source`` still holds, and say under which id.

        It appears under its name only when it is whole. Content that is there already is put there again, so that
        ``stored_at`` is always new.

        Raises:
            ValueError: ``file_type`` cannot be the extension of a stored file.
            ReadOnlyStoreError: The store is not writable.
        """
        ...

    def locate(self, file_id: str, file_type: str, *, address: str | None = None) -> StoredAudio:
        """Find a stored file.

        Raises:
            AudioMissingError: It is not there.
        """
        ...

    def open(self, file_id: str, file_type: str, *, address: str | None = None) -> BinaryIO:
        """Open a stored file for reading; seekable, and only what is read is fetched.

        Raises:
            AudioMissingError: It is not there.
        """
        ...

    def remove(self, file_id: str, file_type: str) -> bool:
        """Remove a stored file; False when it is not there.

        Raises:
            ReadOnlyStoreError: The store is not writable.
        """
        ...

    def files(self) -> Iterator[StoredAudio]:
        """Everything that was put here, in no order.

        Raises:
            ReadOnlyStoreError: The store cannot be listed.
        """
        ...

    def remove_unfinished(self, before: datetime) -> int:
        """Remove what uploads left that never ended and began before an instant; how many there were.

        Args:
            before: With its time zone.
        """
        ...
