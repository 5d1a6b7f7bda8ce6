"""Vector arithmetic: what is wanted, minus what is not, in the space of the model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from app.search.description import Description
from services.embedding import EmbeddingProvider


@dataclass(frozen=True)
class Weights:
    """How strongly each part of a query pulls; measured in docs/why/descriptions.md.

    Attributes:
        negatives: Pull away from the negatives, for a pull of 1 towards the words. Rocchio, "Relevance feedback in
            information retrieval" (1971), moves a query towards what is relevant and, less strongly, away from what is
            not.
        words_beside_tracks: Pull of the words, for a pull of 1 towards the liked tracks. Vectors of words and of
            recordings lie in different parts of the space (Liang et al., "Mind the gap", 2022), and words of the same
            length would not be heard beside a track.
    """

    negatives: float = 0.75
    words_beside_tracks: float = 2.0


_DEFAULT = Weights()

_NOTHING = 1e-6
"""Length below which a sum of unit vectors has cancelled out."""


def embed_description(
    embedding: EmbeddingProvider, description: Description, liked: Sequence[NDArray[float32]] = ()
) -> NDArray[float32]:
    """The vector of a description; blocks while the model reads.

    A part without words is passed over as long as others have some.

    Args:
        embedding: Makes vectors of texts.
        description: What is looked for.
        liked: Vectors of the tracks that it names.

    Returns:
        A vector of length 1, shape (dimensions,).

    Raises:
        ValueError: No part can be embedded, or they cancel out.
    """
    if description.positive is not None and not description.negatives and not liked:
        return embedding.embed_text(description.positive)
    vectors = [_embed_words(embedding, text) for text in (description.positive, *description.negatives)]
    return combine(vectors[0], [vector for vector in vectors[1:] if vector is not None], liked)


def combine(
    positive: NDArray[float32] | None,
    negatives: Sequence[NDArray[float32]] = (),
    liked: Sequence[NDArray[float32]] = (),
    *,
    weights: Weights = _DEFAULT,
) -> NDArray[float32]:
    """One query vector: towards liked tracks and words, away from negatives.

    Analogies by adding and subtracting word vectors (Mikolov et al., 2013) are the same arithmetic. Several liked
    tracks count as one, in the direction of their sum; so do several negatives.

    Args:
        positive: Vector of the words, shape (dimensions,).
        negatives: Vectors of what to leave out.
        liked: Vectors of tracks to go by.
        weights: How strongly each part pulls.

    Returns:
        A vector of length 1, shape (dimensions,).

    Raises:
        ValueError: Nothing is left: there are no vectors, or they cancel out.
    """
    gain = weights.words_beside_tracks if liked else 1.0
    parts = [
        (1.0, liked),
        (gain, [] if positive is None else [positive]),
        (-gain * weights.negatives, negatives),
    ]
    directions = [weight * _direction(vectors) for weight, vectors in parts if vectors]
    if not directions:
        raise ValueError("there is nothing to look for")
    return _direction(directions).astype(float32)


def measure_sound_relatedness(embedding: EmbeddingProvider, description: Description) -> float | None:
    """How much a description speaks of sound, on the model's scale, what is not wanted included.

    Args:
        embedding: Reads the words.
        description: What was typed.

    Returns:
        None where tracks are named: there is no doubt that those sound.
    """
    if description.liked:
        return None
    return embedding.sound_relatedness(" ".join([description.positive or "", *description.negatives]))


def _embed_words(embedding: EmbeddingProvider, text: str | None) -> NDArray[float32] | None:
    try:
        return None if text is None else embedding.embed_text(text)
    except ValueError:
        return None


def _direction(vectors: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = np.sum([np.asarray(vector, np.float64) for vector in vectors], axis=0)
    length = float(np.linalg.norm(total))
    if length < _NOTHING:
        raise ValueError("the parts of the query cancel out")
    return total / length
