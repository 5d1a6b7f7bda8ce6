"""Discogs-EffNet (Alonso-Jiménez, Serra and Bogdanov, 2022): probabilities of the styles of the Discogs taxonomy.

The files are Essentia's own: an ONNX network that takes patches of a spectrogram, and a JSON file that names its
classes. Patches are cut as Essentia's TensorflowPredictEffnetDiscogs does by default: 128 frames, 62 apart, an
incomplete last one discarded. Audio that fills no patch is repeated until it does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from models.audio.log_mel import MEL_BANDS, SAMPLE_RATE, log_mel
from models.card import ModelFileError
from models.genres import GenrePrediction, rank_genres, split_labels
from models.runtime.onnx_session import UNREADABLE, open_session
from models.runtime.run_options import RunOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.audio.decoding import Waveform
    from models.card import Card


@dataclass(frozen=True, slots=True)
class PatchPlan:
    """How a spectrogram is cut.

    Attributes:
        frames: Length of a patch.
        hop: Frames between the beginnings of neighbouring patches.
    """

    frames: int
    hop: int


class DiscogsEffnet:
    """`models.genres.GenreModel` for Essentia's `discogs-effnet-bsdynamic`. Safe to use from several threads."""

    def __init__(self, card: Card, options: RunOptions | None = None) -> None:
        """Load the model, and look whether it is one.

        Args:
            card: An installed model's card.
            options: How it runs; so small a model is never unloaded.

        Raises:
            models.card.ModelFileError: A file is missing or is no such model; the message says in what.
            OSError: A file cannot be read.
        """
        chosen = RunOptions() if options is None else options
        self._card = card
        self._batch = chosen.batch_windows
        self._plan = PatchPlan(**card.pipeline["patches"])
        metadata = _read_metadata(card.locate(card.pipeline["metadata"]))
        self._labels = _read_labels(metadata, card)
        network = card.locate(card.pipeline["network"])
        try:
            self._session = open_session(network, threads=chosen.threads, device=chosen.device)
        except UNREADABLE as error:
            raise ModelFileError(f"{card.name}: {network} is no ONNX network: {error}") from error
        stated = metadata.get("schema") or {}
        self._input = _find_port(
            f"{card.name}: {network.name}: input",
            self._session.get_inputs(),
            [port.get("name") for port in stated.get("inputs", ())] + ["melspectrogram"],
            (self._plan.frames, MEL_BANDS),
        )
        self._output = _find_port(
            f"{card.name}: {network.name}: output",
            self._session.get_outputs(),
            [port.get("name") for port in stated.get("outputs", ()) if port.get("output_purpose") == "predictions"]
            + ["activations"],
            (len(self._labels),),
        )
        self._require_probabilities()

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in the network's order, for example `Electronic---Ambient`."""
        return self._labels

    def genre_predictions(self, waveform: Waveform, top: int = 10) -> list[GenrePrediction]:
        """Name a track's most probable genres and subgenres; see `GenreModel.genre_predictions`."""
        activations = self.activations(waveform).tolist()
        return rank_genres(split_labels(zip(self._labels, activations, strict=True)), top)

    def activations(self, waveform: Waveform) -> NDArray[np.float64]:
        """Probability of every class.

        Args:
            waveform: Mono samples at 16 kHz, shape `(samples,)`.

        Returns:
            The mean over patches, shape `(classes,)`.

        Raises:
            ValueError: The waveform has no samples, more than one dimension, or values that are not finite.
        """
        if waveform.ndim != 1 or waveform.size == 0:
            raise ValueError(f"a waveform has the shape (samples,), with samples > 0, not {waveform.shape}")
        if not np.isfinite(waveform).all():
            raise ValueError("the waveform holds values that are not finite")
        patches = cut_patches(log_mel(waveform), self._plan)
        total = np.zeros(len(self._labels))
        for start in range(0, len(patches), self._batch):
            total += self._run(patches[start : start + self._batch]).sum(axis=0, dtype=np.float64)
        mean: NDArray[np.float64] = total / len(patches)
        return mean

    def _run(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of a few patches, shape `(patches, classes)`."""
        found: NDArray[np.float32] = self._session.run([self._output], {self._input: np.ascontiguousarray(patches)})[0]
        return found

    def _require_probabilities(self) -> None:
        """Refuse a network whose output is not what its shape promises, such as logits."""
        silence = np.zeros((self._plan.frames, MEL_BANDS), np.float32)
        found = self._run(np.stack([silence, silence + 2]))
        if found.shape != (2, len(self._labels)) or not ((found >= 0) & (found <= 1)).all():
            raise ModelFileError(f"{self._card.name}: the output {self._output} gives no probabilities from 0 to 1")


def cut_patches(frames: NDArray[np.float32], plan: PatchPlan) -> NDArray[np.float32]:
    """Cut a spectrogram into overlapping patches, without copying it.

    Args:
        frames: Shape `(frames, bands)`, at least one frame; fewer than a patch has are repeated.
        plan: How to cut.

    Returns:
        Shape `(patches, plan.frames, bands)`; what is left over at the end is discarded.
    """
    if len(frames) < plan.frames:
        frames = np.resize(frames, (plan.frames, frames.shape[1]))
    return sliding_window_view(frames, plan.frames, axis=0)[:: plan.hop].swapaxes(1, 2)


def _read_metadata(path: Path) -> dict[str, Any]:
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelFileError(f"{path} is no JSON: {error}") from error
    if not isinstance(metadata, dict):
        raise ModelFileError(f"{path} is no description of a model")
    return metadata


def _read_labels(metadata: Mapping[str, Any], card: Card) -> tuple[str, ...]:
    labels = metadata.get("classes")
    if (
        not isinstance(labels, list)
        or not labels
        or not all(isinstance(label, str) for label in labels)
        or len(set(labels)) < len(labels)
    ):
        raise ModelFileError(f"{card.name}: {card.pipeline['metadata']} has no list of distinct classes")
    rate = (metadata.get("inference") or {}).get("sample_rate", SAMPLE_RATE)
    if not rate == card.sample_rate == SAMPLE_RATE:
        raise ModelFileError(f"{card.name}: {card.pipeline['metadata']} wants audio at {rate} Hz, not {SAMPLE_RATE}")
    return tuple(labels)


def _find_port(what: str, ports: Sequence[Any], names: Sequence[str | None], wanted: tuple[int, ...]) -> str:
    """Name of the input or output that does what is wanted.

    The names that Essentia's JSON files state are those of the TensorFlow graph, which its ONNX files need not have
    kept. So the first of `names` that exists is taken, else the only port of the right shape.
    """
    shapes: dict[str, tuple[int | str, ...]] = {port.name: tuple(port.shape) for port in ports}
    fitting = [name for name, shape in shapes.items() if shape[1:] == wanted and not isinstance(shape[0], int)]
    named = next((name for name in names if name in shapes), None)
    if named in fitting:
        return str(named)
    if named is None and len(fitting) == 1:
        return fitting[0]
    described = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
    raise ModelFileError(f"{what} {['batch', *wanted]} is wanted, and there is {described}")
