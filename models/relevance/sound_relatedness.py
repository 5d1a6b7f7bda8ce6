"""How much a text speaks of sound, for models that know texts by their vectors alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.relevance.calibration import load_texts

EmbedTexts: TypeAlias = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to unit vectors, shape (texts, dimensions)."""

_NEIGHBOURS = 5
"""Texts of either kind that vote: few, for descriptions of sound are of many kinds."""

_SAME = 0.9999
"""Cosine from which two texts are the same: the bank's own texts must not vote for themselves."""


class TextRelatedness:
    """Compares a text with a bank of texts that describe sounds and of texts that do not.

    The measure is the mean cosine to the nearest of the first less that to the nearest of the others: a
    nearest-neighbour classifier on the model's own text space. The bank is embedded when it is first needed, unless
    `prepare` was called before.

    Args:
        embed_texts: The model's text half.
    """

    def __init__(self, embed_texts: EmbedTexts) -> None:
        self._embed_texts = embed_texts
        self._lock = Lock()
        self._bank: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def prepare(self) -> None:
        """Embed the bank now: its 191 texts take longer than a search may wait."""
        self._embedded_bank()

    def measure(self, vector: NDArray[np.float32]) -> float:
        """Between -2 and 2, more for a text that describes a sound.

        Args:
            vector: Of the text, shape (dimensions,).
        """
        descriptions, unrelated = self._embedded_bank()
        return _nearness(descriptions @ vector) - _nearness(unrelated @ vector)

    def _embedded_bank(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        with self._lock:
            if self._bank is None:
                texts = load_texts()
                self._bank = self._embed_texts(texts.descriptions), self._embed_texts(texts.unrelated)
            return self._bank


def _nearness(cosines: NDArray[np.float32]) -> float:
    others = np.sort(cosines[cosines < _SAME])
    return float(others[-_NEIGHBOURS:].mean()) if others.size else 0.0
