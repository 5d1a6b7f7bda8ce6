"""The spectrogram against Essentia's own, and against librosa's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import librosa
import numpy as np
import pytest

from models.audio.decoding import Waveform, decode
from models.audio.log_mel import log_mel
from tests.support.recordings import chirp, sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 16_000

# On a scale of 0 to about 5, in float32 on both sides; the recordings here differ by 1.4e-4 at most.
TOLERANCE = 3e-4

# Essentia computes its filters in float32. Of a pure tone, all that a band has may lie where a filter is almost zero,
# and be off by 0.5 % of the power.
TONE_TOLERANCE = 3e-3


def audio(name: str) -> Waveform:
    made = {"silence": np.zeros(3 * RATE, np.float32), "chirp": chirp(7.0, RATE)}
    return made[name] if name in made else decode(sample(name), RATE, max_seconds=10)


def essentias(waveform: Waveform) -> NDArray[np.float32]:
    """TensorflowInputMusiCNN of every frame that FrameGenerator gives with its defaults."""
    essentia = pytest.importorskip("essentia", reason="essentia has no wheels for this machine")
    essentia.log.infoActive = False
    standard = pytest.importorskip("essentia.standard")
    bands = standard.TensorflowInputMusiCNN()
    frames = standard.FrameGenerator(np.array(waveform), frameSize=512, hopSize=256)
    return np.stack([bands(frame) for frame in frames])


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("calm_acoustic_1", TOLERANCE), ("energetic_electronic_2", TOLERANCE), ("chirp", TONE_TOLERANCE), ("silence", 0)],
)
def test_the_spectrogram_equals_essentias(name: str, tolerance: float) -> None:
    waveform = audio(name)
    np.testing.assert_allclose(log_mel(waveform), essentias(waveform), rtol=0, atol=tolerance)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 513, 1024, 1025, 40_000, 262_144, 262_145])
def test_there_are_as_many_frames_as_essentia_cuts(size: int) -> None:
    waveform = np.random.default_rng(size).normal(0, 0.1, size).astype(np.float32)
    expected = essentias(waveform)
    found = log_mel(waveform)
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


def test_the_spectrogram_equals_librosas() -> None:
    """Where Essentia cannot be installed, this remains."""
    waveform = audio("energetic_electronic_2")
    mel = librosa.feature.melspectrogram(
        y=waveform, sr=RATE, n_fft=512, hop_length=256, n_mels=96, window=np.hanning(512), dtype=np.float64
    )
    expected = np.log10(1 + 10_000 * mel.T)
    # librosa's last frame is the one before Essentia's, except when hops fill the track
    np.testing.assert_allclose(log_mel(waveform)[: len(expected)], expected, rtol=0, atol=TOLERANCE)
