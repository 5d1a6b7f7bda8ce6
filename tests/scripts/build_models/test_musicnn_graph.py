"""The bundled ONNX file against the original implementations of its two halves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import librosa
import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # ships no annotations
import pytest

from models.audio.decoding import Waveform, decode
from models.musicnn import MusicnnTagger, WindowPlan
from models.registry import find_model
from tests.support.recordings import chirp, sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 16_000
TAGGRAMS = Path(__file__).parent / "fixtures" / "musicnn_taggrams.npz"


def recording(name: str) -> Waveform:
    tracks = {"acoustic": "calm_acoustic_1", "electronic": "energetic_electronic_2"}
    return chirp(7.0, RATE) if name == "chirp" else decode(sample(tracks[name]), RATE, max_seconds=12)


@pytest.mark.parametrize("name", ["acoustic", "electronic", "chirp"])
def test_the_tags_equal_those_of_the_original_package(name: str) -> None:
    expected: NDArray[np.float32] = np.load(TAGGRAMS)[name]
    card = find_model("musicnn-tags")
    tagger = MusicnnTagger(card.locate("musicnn_tags.onnx"), WindowPlan(**card.pipeline["windows"]), peak=None)
    log_odds = tagger.log_odds(recording(name)).astype(np.float64)

    # The original drops what follows its last whole patch; here one more window covers it.
    assert len(log_odds) == len(expected) + 1
    probabilities = 1 / (1 + np.exp(-log_odds[: len(expected)]))
    np.testing.assert_allclose(probabilities, expected, atol=2e-5)


@pytest.mark.parametrize("name", ["acoustic", "chirp"])
def test_the_mel_spectrogram_equals_librosas(name: str) -> None:
    window = recording(name)[:48_128]
    session = onnxruntime.InferenceSession(find_model("musicnn-tags").locate("musicnn_tags.onnx"))
    (log_mel,) = session.run(["log_mel"], {"waveform": window[None]})
    mel = librosa.feature.melspectrogram(
        y=window, sr=RATE, n_fft=512, hop_length=256, n_mels=96, center=False, dtype=np.float64
    )

    assert log_mel.shape == (1, 187, 96)
    np.testing.assert_allclose(log_mel[0], np.log10(1 + 10_000 * mel.T), atol=1e-3)
