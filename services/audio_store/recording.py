"""One stored recording, for whoever reads it or passes its address on."""

from dataclasses import dataclass
from typing import BinaryIO

from services.audio_store.content import StoredAudio
from services.audio_store.protocol import AudioStore


@dataclass(frozen=True)
class Recording:
    """A recording in a store; nothing is read before it is asked for.

    Attributes:
        store: Where it lies.
        file_id: Its content address.
        file_type: Extension of the stored file, without the dot.
        address: Public address that the catalogue has for it; ignored where it is not one of the store's own.
    """

    store: AudioStore
    file_id: str
    file_type: str
    address: str | None = None

    def open(self) -> BinaryIO:
        """The file, seekable; whoever opens it closes it.

        Raises:
            AudioMissingError: It is not in the store.
            AudioStoreError: The store does not answer or refuses.
        """
        return self.store.open(self.file_id, self.file_type, address=self.address)

    def locate(self) -> StoredAudio:
        """Where it lies, and how large it is.

        Raises:
            AudioMissingError: It is not in the store.
            AudioStoreError: The store does not answer or refuses.
        """
        return self.store.locate(self.file_id, self.file_type, address=self.address)

    @property
    def url(self) -> str | None:
        """Address at which others can fetch it, or None where the store has none.

        Raises:
            AudioMissingError: It is not in the store.
            AudioStoreError: The store does not answer or refuses.
        """
        return self.locate().url
