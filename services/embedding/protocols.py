"""What every provider of vectors does, wherever its model runs."""

from typing import BinaryIO, Protocol

from numpy import float32
from numpy.typing import NDArray

from models.registry import ModelCard


class TextEmbedding(Protocol):
    """Reads texts with one model; the methods block and may be called from any thread."""

    @property
    def card(self) -> ModelCard:
        """The model that answers."""
        ...

    def embed_text(self, text: str) -> NDArray[float32]:
        """Unit vector of a description, shape (dimensions,).

        Raises:
            ValueError: The text has nothing that could be embedded.
        """
        ...

    def sound_relatedness(self, text: str) -> float:
        """How much a text speaks of sound, on the model's own scale; see models.model.

        Raises:
            ValueError: The text has nothing that could be embedded.
        """
        ...


class EmbeddingProvider(TextEmbedding, Protocol):
    """Embeds texts and recordings with one model."""

    def load(self) -> None:
        """Load what the first call would otherwise wait for."""
        ...

    def embed_audio(self, audio: BinaryIO, *, max_seconds: float | None = None) -> NDArray[float32]:
        """Unit vector of a recording, shape (dimensions,).

        Args:
            audio: A whole file, seekable.
            max_seconds: Hear at most this much from its start; None leaves it at the provider's own limit.

        Raises:
            models.audio.decoding.AudioError: The file cannot be decoded; its message says why.
        """
        ...
