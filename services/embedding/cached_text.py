"""Vectors of texts that were asked for before."""

import unicodedata
from typing import BinaryIO

from numpy import float32
from numpy.typing import NDArray

from models.registry import ModelCard
from models.runtime.recent_results import RecentResults
from services.embedding.protocols import EmbeddingProvider
from services.metrics import EMBEDDINGS, TEXT_VECTORS


def normalise_query(text: str) -> str:
    """A text as it is embedded: composed letters, lower case, single spaces.

    People type "Jazz ", "jazz" and "JAZZ" and mean the same; a tokenizer that tells letters' cases apart would not.
    """
    return " ".join(unicodedata.normalize("NFC", text).lower().split())


class CachedText:
    """Another provider, whose vectors of texts are kept by model identity and normalised text.

    Callers that ask for one text at the same time share one computation. Failures are not kept.

    Args:
        provider: The provider behind it.
        vectors: The vectors of all providers of the process.
        sound_relatedness: How much those texts speak of sound.
    """

    def __init__(
        self,
        provider: EmbeddingProvider,
        vectors: RecentResults[NDArray[float32]],
        sound_relatedness: RecentResults[float],
    ) -> None:
        self._provider = provider
        self._vectors = vectors
        self._sound_relatedness = sound_relatedness

    @property
    def card(self) -> ModelCard:
        """The model behind it."""
        return self._provider.card

    def load(self) -> None:
        """Load what the first call would otherwise wait for."""
        self._provider.load()

    def embed_audio(self, audio: BinaryIO, *, max_seconds: float | None = None) -> NDArray[float32]:
        """Unit vector of a recording; not kept."""
        with EMBEDDINGS.labels("audio").time():
            return self._provider.embed_audio(audio, max_seconds=max_seconds)

    def embed_text(self, text: str) -> NDArray[float32]:
        """Unit vector of the normalised text, shape (dimensions,), read-only."""
        wanted = normalise_query(text)
        made = False

        def make() -> NDArray[float32]:
            nonlocal made
            made = True
            return self._embed(wanted)

        vector = self._vectors.get(self._key(wanted), make)
        TEXT_VECTORS.labels("made" if made else "kept").inc()
        return vector

    def sound_relatedness(self, text: str) -> float:
        """How much the normalised text speaks of sound."""
        wanted = normalise_query(text)
        return self._sound_relatedness.get(self._key(wanted), lambda: self._provider.sound_relatedness(wanted))

    def _embed(self, text: str) -> NDArray[float32]:
        with EMBEDDINGS.labels("text").time():
            vector = self._provider.embed_text(text)
        vector.flags.writeable = False
        return vector

    def _key(self, text: str) -> bytes:
        # surrogates come from clients that send broken UTF-16
        return f"{self.card.identity}\0{text}".encode("utf-8", "surrogatepass")
