"""Vectors as Postgres sends them in binary."""

import numpy as np
from numpy import float32
from numpy.typing import NDArray

_HALFVEC_HEADER_BYTES = 4
"""Two numbers of 16 bits, dimensions and nothing, before the elements: pgvector's halfvec_send."""


def read_halfvec(content: bytes) -> NDArray[float32]:
    """A vector as halfvec_send sends it, shape (dimensions,)."""
    return np.frombuffer(content[_HALFVEC_HEADER_BYTES:], ">f2").astype(float32)
