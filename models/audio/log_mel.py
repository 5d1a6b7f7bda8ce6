"""The spectrograms that networks trained by the Music Technology Group in Barcelona hear.

16 kHz, frames of 512 samples, 256 apart, 96 mel bands over 0 to 8,000 Hz, log10(1 + 10000 power). The filters are those
of the bundled model's graph too; the Hann window is not: there it is the periodic one, here the symmetric one, as
Essentia has it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.audio.waveform import Waveform

SAMPLE_RATE = 16_000
FFT_SIZE = 512
HOP = 256
MEL_BANDS = 96
LOG_GAIN = 10_000.0

# Frames that are transformed at once: bounds the memory to some 10 MB however long the track.
_BLOCK = 1024


def mel_filters() -> NDArray[np.float64]:
    """Slaney's mel filter bank over 0 to 8,000 Hz, each triangle scaled to unit area.

    The mel scale is that of Slaney's Auditory Toolbox (1998): linear at 3 mel per 200 Hz below 1,000 Hz, then
    27 mel per factor of 6.4.

    Returns:
        Weights of power-spectrum bins, shape `(MEL_BANDS, FFT_SIZE // 2 + 1)`.
    """
    knee_hz, knee_mel, log_step = 1000.0, 15.0, math.log(6.4) / 27
    top_mel = knee_mel + math.log(SAMPLE_RATE / 2 / knee_hz) / log_step
    mels = np.linspace(0.0, top_mel, MEL_BANDS + 2)
    edges = np.where(
        mels < knee_mel,
        mels * knee_hz / knee_mel,
        knee_hz * np.exp(log_step * (np.maximum(mels, knee_mel) - knee_mel)),
    )
    bins = np.arange(FFT_SIZE // 2 + 1) * SAMPLE_RATE / FFT_SIZE
    lower, centre, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - lower) / (centre - lower), (upper - bins) / (upper - centre))
    filters: NDArray[np.float64] = np.maximum(triangles, 0.0) * 2.0 / (upper - lower)
    return filters


_FILTERS = mel_filters().astype(np.float32).T
_WINDOW = np.hanning(FFT_SIZE).astype(np.float32)


def log_mel(waveform: Waveform) -> NDArray[np.float32]:
    """Essentia's TensorflowInputMusiCNN over the frames of its FrameGenerator with default settings.

    The first frame is centred on the first sample; the last is the first one whose centre is at the end or beyond.
    What a frame has outside of the track is zeros.

    Args:
        waveform: Mono samples at 16 kHz, shape `(samples,)`, at least one.

    Returns:
        Shape `(frames, MEL_BANDS)`, where frames are one more than hops, rounded up.
    """
    count = 1 + -(-waveform.size // HOP)
    padded = np.pad(waveform.astype(np.float32, copy=False), (FFT_SIZE // 2, (count - 1) * HOP - waveform.size + HOP))
    frames = sliding_window_view(padded, FFT_SIZE)[::HOP]
    result = np.empty((count, MEL_BANDS), np.float32)
    for start in range(0, count, _BLOCK):
        spectrum = np.fft.rfft(frames[start : start + _BLOCK] * _WINDOW)
        power = spectrum.real**2 + spectrum.imag**2
        result[start : start + _BLOCK] = np.log10(1 + LOG_GAIN * (power @ _FILTERS))
    return result
