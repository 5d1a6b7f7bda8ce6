"""Where the audio of tracks is kept."""

from typing import BinaryIO, Protocol

from services.audio_store.local import AudioMissingError, LocalAudioStore, StoredAudio
from services.audio_store.recording import Recording

__all__ = ["AudioMissingError", "AudioStore", "LocalAudioStore", "Recording", "StoredAudio"]


class AudioStore(Protocol):
    """A content-addressed store: the same bytes always have the same ``file_id``."""

    def put(self, source: BinaryIO, file_type: str) -> StoredAudio:
        """Keep all that ``source`` still holds, and say under which id."""
        ...

    def locate(self, file_id: str, file_type: str) -> StoredAudio:
        """Find a stored file.

        Raises:
            AudioMissingError: It is not there.
        """
        ...

    def open(self, file_id: str, file_type: str) -> BinaryIO:
        """Open a stored file for reading.

        Raises:
            AudioMissingError: It is not there.
        """
        ...
