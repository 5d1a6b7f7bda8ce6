"""The way that is replaced: soundfile and librosa, transformers' ClapProcessor, torch.

Needs the extras `bench` and `export`. It is what the replaced service runs on a request, without its HTTP: the file is
read and made mono, resampled to 48 kHz, cropped or repeated to 10 s by the processor, which also makes the mel
spectrogram in NumPy, and given to the model.
"""

import time
from pathlib import Path
from typing import Any

import librosa
import soundfile  # type: ignore[import-untyped]  # ships no annotations
import torch
from numpy import float32
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel, ClapProcessor

from app.measure.speed.embedding.stopwatch import Stopwatch

_SIDE = 1024
"""Rows and columns of the matrices by which the processor's speed is found; they fit the cache."""

_TRIES = 20
_TOKENS = 8
"""Of a query of four words."""


class ReplacedEmbedding:
    """A checkpoint, run as its model card says.

    Args:
        checkpoint: In the hub's format.
        threads: For one forward pass.
    """

    def __init__(self, checkpoint: Path, threads: int) -> None:
        torch.set_num_threads(threads)
        model: Any = ClapModel.from_pretrained(checkpoint, local_files_only=True)
        self._model: Any = model.eval()
        self._extractor: Any = ClapFeatureExtractor.from_pretrained(checkpoint, local_files_only=True)
        tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
        self._processor: Any = ClapProcessor(self._extractor, tokenizer)  # type: ignore[no-untyped-call]  # as it is

    def embed_text(self, text: str, watch: Stopwatch) -> NDArray[float32]:
        """Unit vector of a text."""
        with watch.stage("all"), torch.no_grad():
            encoded = self._processor(text=[text], return_tensors="pt", padding=True)
            return _vector(self._model.get_text_features(**encoded))

    def embed_audio(self, path: Path, watch: Stopwatch) -> NDArray[float32]:
        """Unit vector of a recording, or of ten seconds of it."""
        rate = self._extractor.sampling_rate
        with watch.stage("all"):
            with watch.stage("reading and resampling"):
                samples, stored_rate = soundfile.read(path, dtype="float32")
                mono = samples.mean(axis=1) if samples.ndim > 1 else samples
                waveform = librosa.resample(mono, orig_sr=stored_rate, target_sr=rate)
            with watch.stage("mel spectrogram"):
                features = self._processor(audio=[waveform], sampling_rate=rate, return_tensors="pt")
            with watch.stage("network"), torch.no_grad():
                return _vector(self._model.get_audio_features(**features))

    def count_operations(self) -> dict[str, float]:
        """Floating-point operations of the two networks for one input each, and of this machine in a second."""
        silence, rate = torch.zeros(int(self._extractor.nb_max_samples)).numpy(), self._extractor.sampling_rate
        features = self._processor(audio=[silence], sampling_rate=rate, return_tensors="pt")
        with torch.no_grad():
            with FlopCounterMode(display=False) as text:
                self._model.get_text_features(torch.ones((1, _TOKENS), dtype=torch.long))
            with FlopCounterMode(display=False) as audio:
                self._model.get_audio_features(**features)
        return {
            "query": float(text.get_total_flops()),
            "window": float(audio.get_total_flops()),
            "machine per second": _measure_machine(),
        }


def _vector(features: Any) -> NDArray[float32]:  # noqa: ANN401 - transformers' own
    result: NDArray[float32] = features.pooler_output[0].numpy()
    return result


def _measure_machine() -> float:
    """Operations of the best of some products of matrices: what no network can be faster than."""
    left, right = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    best = float("inf")
    for _ in range(_TRIES):
        started = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - started)
    operations: int = 2 * _SIDE**3
    return operations / best
