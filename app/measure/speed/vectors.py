"""Unit vectors in clusters, as embeddings of music lie: few directions matter, and styles differ in size."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from app.measure.speed.sizes import Sizes

Vectors = NDArray[np.float32]

SEED = 1
"""Of every random generator of the catalogue."""

_INTRINSIC = 48
_COMMON, _WITHIN, _QUERY, _NOISE = 0.6, 0.5, 0.5, 0.03


class VectorSpace:
    """Styles of music, and recordings and descriptions near them.

    A vector is a style's centre plus variation, drawn in a space of 48 dimensions (fewer for short vectors), turned
    into the full one, plus a little noise in all dimensions. All share one direction, as vectors of real models do: two
    of different styles have a cosine of about 0.25, two of one style of about 0.8. Sizes of styles follow a power law.

    Args:
        sizes: Gives the number of styles.
        dimensions: Length of a vector.
        seed: The same one gives the same vectors.
    """

    def __init__(self, sizes: Sizes, dimensions: int, *, seed: int) -> None:
        self.dimensions = dimensions
        self._seed = seed
        random = np.random.default_rng([seed, 0])
        intrinsic = min(_INTRINSIC, max(2, dimensions // 4))
        turned, _ = np.linalg.qr(random.standard_normal((dimensions, intrinsic)))
        self._basis: Vectors = turned.T.astype(np.float32)
        self._centres: Vectors = random.standard_normal((sizes.styles, intrinsic)).astype(np.float32)
        self._common: Vectors = random.standard_normal(intrinsic).astype(np.float32)
        weights = (np.arange(sizes.styles) + 3.0) ** -0.9
        self._cumulative = np.cumsum(weights / weights.sum())

    def recordings(self, start: int, count: int) -> Vectors:
        """Vectors of ``count`` recordings, shape (count, dimensions); the same start and count always give the same."""
        return self._draw(np.random.default_rng([self._seed, 1, start]), count, _WITHIN)

    def descriptions(self, count: int) -> Vectors:
        """Vectors of texts: directions of styles, perturbed, shape (count, dimensions)."""
        return self._draw(np.random.default_rng([self._seed, 2]), count, _QUERY)

    def description(self, number: int) -> Vectors:
        """Vector of one text, shape (dimensions,); the same number always gives the same."""
        row: Vectors = self._draw(np.random.default_rng([self._seed, 3, number]), 1, _QUERY)[0]
        return row

    def _draw(self, random: np.random.Generator, count: int, spread: float) -> Vectors:
        style = np.searchsorted(self._cumulative, random.random(count)).clip(max=len(self._centres) - 1)
        latent = self._centres[style] + np.float32(_COMMON) * self._common
        latent += np.float32(spread) * random.standard_normal(latent.shape, dtype=np.float32)
        rows = latent @ self._basis
        rows += np.float32(_NOISE) * random.standard_normal(rows.shape, dtype=np.float32)
        return cast("Vectors", rows / np.linalg.norm(rows, axis=1, keepdims=True))
