"""What every embedding model does, whatever it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.audio.decoding import AudioSource, Waveform
    from models.card import ModelCard

UnitVector: TypeAlias = NDArray[np.float32]
"""A vector of Euclidean length 1, shape `(dimensions,)`; the dot product of two is their cosine."""


@dataclass(frozen=True, slots=True)
class TagContribution:
    """A reason why a track matches a description.

    Attributes:
        name: What both have in common, in lower case.
        weight: Its share of the cosine between the two vectors; the shares of all tags add up to the cosine.
    """

    name: str
    weight: float


class EmbeddingModel(Protocol):
    """A model that puts audio and text into one space. Implementations may be used from several threads."""

    @property
    def card(self) -> ModelCard:
        """The model's entry in the manifest."""

    def embed_audio(self, waveform: Waveform) -> UnitVector:
        """Embed a whole track.

        Args:
            waveform: Mono samples at `card.sample_rate`, shape `(samples,)`.

        Returns:
            The track's vector, `card.dimensions` long.

        Raises:
            ValueError: The waveform has no samples, more than one dimension, or values that are not finite.
        """

    def embed_file(self, source: AudioSource, *, max_seconds: float | None = None) -> UnitVector:
        """Embed a recording.

        Args:
            source: A path, or a seekable binary file object.
            max_seconds: How much of it is heard at most: from its start, or spread over it, as the model has it. None
                leaves it at the model's own limit.

        Returns:
            The recording's vector, `card.dimensions` long.

        Raises:
            models.audio.decoding.AudioError: The file cannot be decoded; the message says why.
        """

    def load_text(self) -> None:
        """Load the half that reads texts, so that the first query does not wait for it."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed several descriptions, shape `(texts, card.dimensions)`.

        Raises:
            ValueError: `"the text has no words"`.
        """

    def embed_text(self, text: str) -> UnitVector:
        """Embed a description.

        Args:
            text: What someone is looking for, in their own words.

        Returns:
            The description's vector, `card.dimensions` long.

        Raises:
            ValueError: `"the text has no words"`.
        """

    def sound_relatedness(self, text: str) -> float:
        """Say how much a text speaks of sound at all.

        A vector of length 1 no longer tells a description from noise; this does, for models whose text half can.

        Args:
            text: What someone typed.

        Returns:
            More for texts that describe a sound. The scale is the model's own: `models.relevance.calibration` learns
            what it means from texts that do and texts that do not.

        Raises:
            ValueError: `"the text has no words"`.
        """

    def explain(self, query_vector: UnitVector, track_vector: UnitVector, top: int = 3) -> list[TagContribution]:
        """Say what a description and a track have in common.

        Args:
            query_vector: From `embed_text` or `embed_audio`.
            track_vector: From `embed_audio`.
            top: How many reasons to give at most.

        Returns:
            Positive contributions, largest first; empty for a model whose dimensions bear no names.

        Raises:
            ValueError: A vector has the wrong length.
        """
