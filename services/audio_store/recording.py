"""One stored recording, for whoever reads it or passes its address on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from services.audio_store import AudioStore


@dataclass(frozen=True)
class Recording:
    """A recording in a store; nothing is read before it is asked for.

    Attributes:
        store: Where it lies.
        file_id: Its content address.
        file_type: Extension of the stored file, without the dot.
    """

    store: "AudioStore"
    file_id: str
    file_type: str

    def open(self) -> BinaryIO:
        """The file, seekable; whoever opens it closes it.

        Raises:
            AudioMissingError: It is not in the store.
        """
        return self.store.open(self.file_id, self.file_type)

    @property
    def url(self) -> str | None:
        """Address at which others can fetch it, or None where the store has none.

        Raises:
            AudioMissingError: It is not in the store.
        """
        return self.store.locate(self.file_id, self.file_type).url
