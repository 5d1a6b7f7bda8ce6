"""Audio for the tests: tones and chirps, encoded on the spot, and recordings of the sample library."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from immich_memories_music import tracks_dir

from app.measure.sample.encoding import CONTAINERS, encode, write

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CONTAINERS", "chirp", "encode", "excerpt", "read_stereo", "sample", "write"]

_excerpts = tempfile.TemporaryDirectory(prefix="vibe-search-excerpts-", ignore_cleanup_errors=True)


def sample(name: str) -> Path:
    """Path of a recording, for example `"calm_acoustic_1"`."""
    return tracks_dir() / name.partition("_")[0] / f"{name}.opus"


@cache
def excerpt(name: str) -> Path:
    """Path of six seconds from a recording's middle, for tests that do not look at how it sounds."""
    path = Path(_excerpts.name) / f"{name}.opus"
    path.write_bytes(encode(read_stereo(name, 48_000)[:, 12 * 48_000 : 18 * 48_000], "opus"))
    return path


def read_stereo(name: str, rate: int) -> NDArray[np.float32]:
    """Both channels of a recording, shape (2, samples)."""
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=rate)
    with av.open(str(sample(name))) as file:
        frames = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([np.asarray(frame.to_ndarray(), np.float32) for frame in frames], axis=1)


def chirp(seconds: float, rate: int, start: float = 60.0, slope: float = 400.0) -> NDArray[np.float32]:
    """A tone that rises from `start` Hz by twice `slope` Hz a second, at half of full scale."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (start * time + slope * time**2))).astype(np.float32)
