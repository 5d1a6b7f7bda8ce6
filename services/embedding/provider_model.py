"""A provider in the shape of a model, for whoever has waveforms and not files."""

import wave
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from models.registry import ModelCard
from services.embedding.protocols import EmbeddingProvider

_FULL_SCALE = 32_767


class ProviderModel:
    """Asks a provider what `models.check` asks a model: waveforms travel as WAV files of 16 bits.

    Args:
        provider: Wherever its model runs.
    """

    def __init__(self, provider: EmbeddingProvider) -> None:
        self._provider = provider

    @property
    def card(self) -> ModelCard:
        """The model."""
        return self._provider.card

    def embed_text(self, text: str) -> NDArray[float32]:
        """Unit vector of a description, shape (dimensions,)."""
        return self._provider.embed_text(text)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[float32]:
        """Unit vectors of descriptions, shape (texts, dimensions)."""
        return np.stack([self._provider.embed_text(text) for text in texts])

    def embed_audio(self, waveform: NDArray[float32]) -> NDArray[float32]:
        """Unit vector of samples between -1 and 1 at the model's sample rate, shape (dimensions,)."""
        file = BytesIO()
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(self.card.sample_rate)
            sound.writeframes((np.clip(waveform, -1, 1) * _FULL_SCALE).astype("<i2").tobytes())
        file.seek(0)
        return self._provider.embed_audio(file)
