"""Fixed windows over a whole track.

Windows start every `hop` samples from sample 0. When the last one would run past the end, it is moved back so
that it ends with the last sample: the whole track is covered, nothing is invented, and the result depends on the
length alone. Audio shorter than one window is repeated from its beginning until it fills one.

Silence at the beginning, where a model skips it, is left out before windows are counted: it would move every one.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from models.audio.waveform import Waveform


SILENT = 0.001
"""Magnitude below which a sample is silence: -60 dB of full scale, less than a player lets through after an encoder."""

SILENCE_STEP = 480
"""Samples in which silence is left out: 10 ms at 48 kHz, so that a beginning in mid-wave is no silence."""


class AfterSilence:
    """Audio without the silence at its beginning.

    Args:
        chunks: Samples, each of shape `(samples,)`.

    Attributes:
        skipped: Samples left out so far, a multiple of `SILENCE_STEP`; all of them where nothing else comes.
    """

    def __init__(self, chunks: Iterable[Waveform]) -> None:
        self._chunks = chunks
        self.skipped = 0

    def __iter__(self) -> Iterator[Waveform]:
        """The rest; a sample that is no number counts as loud."""
        chunks, held = iter(self._chunks), np.empty(0, np.float32)
        for chunk in chunks:
            # begins at a multiple of the step
            joined = np.concatenate([held, chunk])
            loud = np.flatnonzero(~(np.abs(joined) < SILENT))
            whole = (int(loud[0]) if loud.size else joined.size) // SILENCE_STEP * SILENCE_STEP
            self.skipped += whole
            held = joined[whole:]
            if loud.size:
                yield held
                yield from chunks
                return
        self.skipped += held.size


def window_starts(length: int, size: int, hop: int) -> list[int]:
    """Say where each window begins.

    Args:
        length: Samples in the waveform, at least `size`.
        size: Samples in a window.
        hop: Samples between the beginnings of neighbouring windows, at most `size`, so that nothing is skipped.

    Returns:
        First samples, ascending, without duplicates; the last window ends at `length`.

    Raises:
        ValueError: `length` is less than `size`, or `hop` is not within 1 to `size`.
    """
    if not 1 <= hop <= size:
        raise ValueError(f"hop must lie within 1 to {size} samples, not {hop}")
    if length < size:
        raise ValueError(f"{length} samples do not fill a window of {size}")
    starts = list(range(0, length - size + 1, hop))
    if starts[-1] + size < length:
        starts.append(length - size)
    return starts


def spread_starts(length: int, size: int, hop: int, most: int) -> list[int]:
    """Say where each window begins when there may be only so many.

    Args:
        length: Samples in the waveform, at least `size`.
        size: Samples in a window.
        hop: Samples between the beginnings of neighbouring windows.
        most: Windows at most.

    Returns:
        As `window_starts` where those are few enough, else `most` windows spread evenly over the whole.

    Raises:
        ValueError: As `window_starts`, or `most` is not positive.
    """
    if most < 1:
        raise ValueError(f"most must be positive, not {most}")
    starts = window_starts(length, size, hop)
    if len(starts) <= most:
        return starts
    return [number * (length - size) // max(1, most - 1) for number in range(most)]


def count_windows(length: int, size: int, hop: int) -> int:
    """Say how many windows cover so much audio: the length of `window_starts`, and 1 for what is shorter than a window.

    Args:
        length: Samples of audio.
        size: Samples in a window.
        hop: Samples between the beginnings of neighbouring windows.
    """
    return 1 + max(0, -(-(length - size) // hop))


def repeat_and_pad(waveform: Waveform, size: int) -> Waveform:
    """Fill a window with as many whole repetitions of short audio as fit, and with silence after them.

    This is the `repeatpad` of transformers' `ClapFeatureExtractor`.

    Args:
        waveform: Samples, shape `(samples,)`, at least one and at most `size`.
        size: Samples in the result.

    Returns:
        Shape `(size,)`.
    """
    repeated = np.tile(waveform, size // waveform.size)
    return np.pad(repeated, (0, size - repeated.size))


def batched(windows: Iterable[Waveform], batch: int) -> Iterator[NDArray[np.float32]]:
    """Stack windows, a bounded number at a time, in their order.

    Args:
        windows: Windows of one length.
        batch: How many go together at most.

    Yields:
        Shape `(1 to batch, samples)`.
    """
    remaining = iter(windows)
    while together := list(islice(remaining, batch)):
        yield np.stack(together)


def fill(waveform: Waveform, size: int) -> Waveform:
    """Repeat audio that is shorter than `size` until it fills `size` samples exactly.

    Args:
        waveform: Samples, shape `(samples,)`.
        size: The least number of samples of the result.

    Returns:
        The waveform itself when it is long enough, else a new one of shape `(size,)`.

    Raises:
        ValueError: The waveform is not one-dimensional or has no samples.
    """
    if waveform.ndim != 1 or waveform.size == 0:
        raise ValueError(f"a waveform has the shape (samples,), with samples > 0, not {waveform.shape}")
    if waveform.size >= size:
        return waveform
    return np.resize(waveform, size)


def batches(waveform: Waveform, size: int, hop: int, batch: int) -> Iterator[NDArray[np.float32]]:
    """Cut a waveform into windows, a bounded number at a time.

    Args:
        waveform: Samples, shape `(samples,)`, at least `size` of them.
        size: Samples in a window.
        hop: Samples between the beginnings of neighbouring windows.
        batch: Windows in a batch at most; bounds the memory however long the track.

    Yields:
        Windows in time order, shape `(1 to batch, size)`.

    Raises:
        ValueError: As `window_starts`, or `batch` is not positive.
    """
    if batch < 1:
        raise ValueError(f"batch must be positive, not {batch}")
    starts = window_starts(waveform.size, size, hop)
    for first in range(0, len(starts), batch):
        yield np.stack([waveform[start : start + size] for start in starts[first : first + batch]])
