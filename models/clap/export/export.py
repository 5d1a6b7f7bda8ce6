"""A CLAP checkpoint as the hub has it, exported to what `models.clap` runs, and compared with transformers.

Needs torch and transformers, the extra `export`; nothing that serves imports this module.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tokenizers import Tokenizer

from models.audio.windows import repeat_and_pad
from models.clap import MOST_TOKENS
from models.clap.export.audio_graph import AudioGraph
from models.clap.export.checkpoint import Checkpoint, ExportError, open_checkpoint, quiet
from models.clap.export.quantisation import LAYOUTS
from models.clap.export.text_graph import TextGraph
from models.files.installation import ANSWERS
from models.files.known_answers import MOST_DIFFERENCE, TEXTS, Answer, KnownAnswers, known_sounds, write_answers
from models.relevance.calibration import load_texts
from models.runtime.onnx_session import open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.audio.decoding import Waveform

__all__ = [
    "LEAST_COSINE",
    "MOST_DIFFERENCE",
    "ExportError",
    "ExportReport",
    "export_checkpoint",
    "make_sounds",
    "quantise_texts",
    "run_texts",
]

LEAST_COSINE = 0.999
"""Between a vector of the int8 text half and transformers' own."""

_OPSET = 17


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How near the exported files are to transformers.

    Attributes:
        dimensions: Length of the vectors.
        audio_difference: Largest difference of an element, over all test sounds.
        text_difference: The same over all test texts, in float32.
        int8_cosine: Smallest cosine over all test texts.
        int8_layout: What of the text half is in int8.
        versions: Libraries that were used, by name.
    """

    dimensions: int
    audio_difference: float
    text_difference: float
    int8_cosine: float
    int8_layout: str
    versions: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def export_checkpoint(checkpoint: Path, destination: Path, report: Callable[[str], None]) -> ExportReport:
    """Write audio.onnx, text.onnx, text.int8.onnx, tokenizer.json, preprocessing.json and known_answers.json.

    Args:
        checkpoint: A folder in the hub's format: config.json, preprocessor_config.json, weights, tokenizer.
        destination: An existing folder.
        report: Told what is being done.

    Returns:
        How near the files are to transformers' own processor and model.

    Raises:
        ExportError: It is no CLAP checkpoint, one with feature fusion, or the files differ from transformers.
        OSError: A file cannot be read or written.
    """
    report("reading the checkpoint")
    opened = open_checkpoint(checkpoint)
    _write_preprocessing(opened, destination)
    _write_tokenizer(opened, destination)
    with quiet(), torch.no_grad():
        report("exporting the audio half")
        _export_audio(opened, destination / "audio.onnx")
        report("exporting the text half")
        _export_text(opened, destination / "text.onnx")
        report("comparing with transformers")
        known = _known_windows(opened)
        sounds = _expected_sounds(opened, known.values())
        audio = max(_compare_audio(opened, destination), _difference(destination, known.values(), sounds))
        expected = _expected_texts(opened)
        text = float(np.abs(run_texts(destination, "text.onnx") - expected).max())
        _require(audio, "sounds")
        _require(text, "texts")
        report("quantising the text half")
        layout, vectors = quantise_texts(destination, expected)
        cosine = _least_cosine(vectors, expected)
        answers = KnownAnswers(
            # the known texts are the last of those that were compared
            tuple(map(Answer, TEXTS, expected[-len(TEXTS) :], vectors[-len(TEXTS) :])),
            tuple(map(Answer, known, sounds)),
        )
        write_answers(destination / ANSWERS, answers)
    versions = {name: version(name) for name in ("torch", "transformers", "onnx", "onnxruntime")}
    return ExportReport(int(opened.model.config.projection_dim), audio, text, cosine, layout, versions)


def _write_preprocessing(opened: Checkpoint, destination: Path) -> None:
    extractor = opened.extractor
    figures = {
        "sample_rate": int(extractor.sampling_rate),
        "fft": int(extractor.fft_window_size),
        "hop": int(extractor.hop_length),
        "mels": int(extractor.feature_size),
        "mel_scale": "slaney",
        "low_hz": extractor.frequency_min,
        "high_hz": extractor.frequency_max,
        "window_samples": int(extractor.nb_max_samples),
        "padding": str(extractor.padding),
        "dimensions": int(opened.model.config.projection_dim),
    }
    (destination / "preprocessing.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _write_tokenizer(opened: Checkpoint, destination: Path) -> None:
    backend = getattr(opened.tokenizer, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise ExportError("the checkpoint's tokenizer has no fast form: tokenizer.json cannot be written")
    fast = Tokenizer.from_str(backend.to_str())
    fast.no_padding()
    fast.no_truncation()
    fast.save(str(destination / "tokenizer.json"))


def _export_audio(opened: Checkpoint, path: Path) -> None:
    try:
        graph = AudioGraph(opened.model, opened.extractor).eval()
    except ValueError as error:
        raise ExportError(f"the audio half has a layout that is not known: {error}") from error
    example = torch.zeros(1, int(opened.extractor.nb_max_samples))
    axes: dict[str, tuple[str, ...]] = dict.fromkeys(("waveform", "embedding", "projection"), ("batch",))
    _export(graph, (example,), path, axes)


def _export_text(opened: Checkpoint, path: Path) -> None:
    ids = torch.ones(2, 8, dtype=torch.long)
    axes = {"input_ids": ("batch", "tokens"), "attention_mask": ("batch", "tokens"), "embedding": ("batch",)}
    _export(TextGraph(opened.model).eval(), (ids, ids), path, axes)


def _export(
    graph: torch.nn.Module, example: tuple[torch.Tensor, ...], path: Path, axes: dict[str, tuple[str, ...]]
) -> None:
    """By the exporter that traces: the one that follows Python does not keep these graphs' shapes constant.

    `axes` names the inputs in the order of the example, then the outputs, with the axes that may have any length.
    """
    names = list(axes)
    torch.onnx.export(
        graph,
        example,
        str(path),
        input_names=names[: len(example)],
        output_names=names[len(example) :],
        dynamic_axes={name: dict(enumerate(free)) for name, free in axes.items()},
        opset_version=_OPSET,
        dynamo=False,
    )


def make_sounds(sample_rate: int, samples: int) -> NDArray[np.float32]:
    """Sounds of every kind that a mel spectrogram treats differently, shape (5, samples).

    Noise, a loud pure tone, quiet noise, a decaying chord, and clicks in silence.
    """
    noise = np.random.default_rng(48).standard_normal(samples)
    seconds = np.arange(samples) / sample_rate
    chord = sum(np.sin(2 * np.pi * pitch * seconds) for pitch in (220.0, 330.0, 550.0, 1760.0))
    sounds = [
        0.1 * noise,
        0.8 * np.sin(2 * np.pi * 440 * seconds),
        0.001 * noise,
        0.2 * chord * np.exp(-3 * (seconds % 1)),
        np.where(seconds % 2 < 0.01, 0.9 * np.sin(2 * np.pi * 100 * seconds), 0),
    ]
    return np.stack(sounds).astype(np.float32)


def _compare_audio(opened: Checkpoint, destination: Path) -> float:
    extractor = opened.extractor
    sounds = list(make_sounds(int(extractor.sampling_rate), int(extractor.nb_max_samples)))
    return _difference(destination, sounds, _expected_sounds(opened, sounds))


def _known_windows(opened: Checkpoint) -> dict[str, Waveform]:
    """The sounds of known answers, as `models.clap` hears what is shorter than a window."""
    extractor = opened.extractor
    sounds = known_sounds(int(extractor.sampling_rate))
    return {name: repeat_and_pad(sound, int(extractor.nb_max_samples)) for name, sound in sounds.items()}


def _expected_sounds(opened: Checkpoint, sounds: Iterable[Waveform]) -> NDArray[np.float32]:
    extractor = opened.extractor
    vectors = []
    for sound in sounds:
        features = extractor(sound, sampling_rate=extractor.sampling_rate, return_tensors="pt")["input_features"]
        vectors.append(opened.model.get_audio_features(input_features=features).pooler_output.numpy()[0])
    return np.stack(vectors)


def _difference(folder: Path, sounds: Iterable[Waveform], expected: NDArray[np.float32]) -> float:
    session = open_session(folder / "audio.onnx", device="cpu")
    found = np.stack([session.run(["embedding"], {"waveform": sound[None]})[0][0] for sound in sounds])
    return float(np.abs(found - expected).max())


def _test_texts() -> Sequence[str]:
    return (*load_texts().descriptions[:64], *TEXTS)


def _expected_texts(opened: Checkpoint) -> NDArray[np.float32]:
    vectors = []
    for text in _test_texts():
        encoded = opened.tokenizer([text], return_tensors="pt", truncation=True, max_length=MOST_TOKENS)
        features = opened.model.get_text_features(encoded["input_ids"], attention_mask=encoded["attention_mask"])
        vectors.append(features.pooler_output.numpy()[0])
    return np.stack(vectors)


def run_texts(folder: Path, filename: str) -> NDArray[np.float32]:
    """What a text half of an export makes of the test texts, shape (texts, dimensions).

    Args:
        folder: Of the export, with its tokenizer.
        filename: Of the text half.
    """
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    session = open_session(folder / filename, device="cpu")
    vectors = []
    for text in _test_texts():
        encoded = tokenizer.encode(text)
        feed = {"input_ids": [encoded.ids], "attention_mask": [encoded.attention_mask]}
        vectors.append(session.run(["embedding"], {name: np.array(ids, np.int64) for name, ids in feed.items()})[0][0])
    return np.stack(vectors)


def _require(difference: float, what: str) -> None:
    if not difference <= MOST_DIFFERENCE:
        raise ExportError(f"the exported vectors of {what} differ from transformers' by {difference:.1e}")


def _least_cosine(vectors: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    return float((vectors * expected).sum(axis=1).min())


def quantise_texts(folder: Path, expected: NDArray[np.float32]) -> tuple[str, NDArray[np.float32]]:
    """Write text.int8.onnx in the first layout that is near enough.

    Args:
        folder: Of the export, with text.onnx and its tokenizer.
        expected: Vectors of the test texts in float32, shape (texts, dimensions).

    Returns:
        What of it is in int8, and its vectors of the test texts.

    Raises:
        ExportError: None is within `LEAST_COSINE` of the expected vectors.
    """
    cosine = -1.0
    for layout, write in LAYOUTS.items():
        write(folder / "text.onnx", folder / "text.int8.onnx")
        vectors = run_texts(folder, "text.int8.onnx")
        cosine = _least_cosine(vectors, expected)
        if cosine >= LEAST_COSINE:
            return layout, vectors
    raise ExportError(f"the int8 text half is only within a cosine of {cosine:.4f} of transformers")
