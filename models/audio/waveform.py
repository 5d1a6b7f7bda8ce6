"""What audio is while models work on it."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Waveform: TypeAlias = NDArray[np.float32]
"""Mono samples in time order, shape `(samples,)`, nominally within -1 to 1."""
