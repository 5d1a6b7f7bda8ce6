"""A file between being read and being stored."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from services.audio_store.content import StoredAudio


class StagedAudio:
    """A file that a store has read and hashed, and that nothing finds in the store yet.

    A context manager: nothing is left of a file that is not kept before the block ends. The methods block.

    Args:
        file_id: sha-256 of the content in hexadecimal, from the one pass in which the store has read it.
        keep: Gives the file its name in the store.
        discard: Removes what is left of a file that was not kept; does nothing to one that was.
    """

    def __init__(
        self, file_id: str, keep: Callable[[], StoredAudio], discard: Callable[[], None] = lambda: None
    ) -> None:
        self.file_id = file_id
        self._keep = keep
        self._discard = discard

    def keep(self) -> StoredAudio:
        """Give the file its name in the store. Called once at most.

        Raises:
            OSError: The disk is full or cannot be written to.
            AudioStoreError: The store does not answer or refuses.
        """
        return self._keep()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()
