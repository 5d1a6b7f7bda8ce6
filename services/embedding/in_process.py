"""Embedding by a model in this process."""

from typing import BinaryIO

from numpy import float32
from numpy.typing import NDArray

from models.model import EmbeddingModel
from models.registry import ModelCard, open_model
from models.runtime.run_options import RunOptions


class InProcessEmbedding:
    """Runs a model here, loaded at its first use.

    Args:
        card: The model; it may be one that is not installed, until something is asked of it.
        options: How it runs.
        max_seconds: How much of a recording is embedded.
    """

    def __init__(self, card: ModelCard, options: RunOptions, *, max_seconds: float) -> None:
        self.card = card
        self._options = options
        self._max_seconds = max_seconds

    def load(self) -> None:
        """Load the half that reads texts.

        Raises:
            models.registry.ModelFileError: A file of the model is missing or damaged.
        """
        self._model().load_text()

    def embed_audio(self, audio: BinaryIO, *, max_seconds: float | None = None) -> NDArray[float32]:
        """Unit vector of a recording."""
        seconds = self._max_seconds if max_seconds is None else min(max_seconds, self._max_seconds)
        return self._model().embed_file(audio, max_seconds=seconds)

    def embed_text(self, text: str) -> NDArray[float32]:
        """Unit vector of a description."""
        return self._model().embed_text(text)

    def sound_relatedness(self, text: str) -> float:
        """How much a text speaks of sound."""
        return self._model().sound_relatedness(text)

    def _model(self) -> EmbeddingModel:
        return open_model(self.card, self._options)
