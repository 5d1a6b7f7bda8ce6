"""Embedding by a model in this process."""

from typing import BinaryIO

from numpy import float32
from numpy.typing import NDArray

from models.audio import decode
from models.embedding_model import EmbeddingModel
from models.registry import ModelCard, find_model, open_model


class InProcessEmbedding:
    """Runs a model of the manifest here, loaded at its first use.

    Args:
        model: Name in the manifest.
        threads: Threads that one inference uses.
        max_seconds: How much of a recording is read, from its start.

    Raises:
        models.registry.UnknownModelError: The manifest has no such model.
    """

    def __init__(self, model: str, *, threads: int, max_seconds: float) -> None:
        self.card: ModelCard = find_model(model)
        self._threads = threads
        self._max_seconds = max_seconds

    def load(self) -> None:
        """Load the model's files."""
        self._model()

    def embed_audio(self, audio: BinaryIO, *, max_seconds: float | None = None) -> NDArray[float32]:
        """Unit vector of a recording."""
        heard = self._max_seconds if max_seconds is None else min(max_seconds, self._max_seconds)
        return self._model().embed_audio(decode(audio, self.card.sample_rate, max_seconds=heard))

    def embed_text(self, text: str) -> NDArray[float32]:
        """Unit vector of a description."""
        return self._model().embed_text(text)

    def audibility(self, text: str) -> float:
        """How much a text speaks of sound."""
        return self._model().audibility(text)

    def _model(self) -> EmbeddingModel:
        return open_model(self.card.name, threads=self._threads)
