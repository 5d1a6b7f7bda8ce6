"""Which models may serve, and what is said of those that may not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from models.check import check_model, load_prompts, make_sounds
from models.clap import Clap
from models.registry import Registry, find_model, open_model
from tests.support.tiny_clap import card_of, exported_clap, install_clap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.audio.decoding import Waveform
    from models.card import ModelCard
    from models.check import CheckReport, Finding

Weights: TypeAlias = dict[str, torch.Tensor]

NAMES = (
    "preprocessing",
    "known answers",
    "dimensions",
    "finite",
    "unit length",
    "deterministic",
    "texts told apart",
    "sounds told apart",
)


def failed(report: CheckReport) -> dict[str, Finding]:
    return {finding.name: finding for finding in report.findings if not finding.passed}


def with_weights(folder: Path, checkpoint: Path, change: Callable[[Weights], None]) -> ModelCard:
    """The small model, exported of a checkpoint whose weights were changed."""
    import shutil

    copy = shutil.copytree(checkpoint, folder / "checkpoint")
    weights = load_file(copy / "model.safetensors")
    change(weights)
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    return install_clap(folder, copy, "changed")


def test_the_bundled_model_may_serve() -> None:
    report = check_model(open_model("musicnn-tags"))
    assert report.passed, failed(report)
    assert tuple(finding.name for finding in report.findings) == NAMES


def test_a_sound_model_may_serve(tiny_clap: Clap) -> None:
    report = check_model(tiny_clap)

    assert failed(report) == {}
    assert report.passed
    assert report.identity == tiny_clap.card.identity
    assert tuple(finding.name for finding in report.findings) == NAMES
    assert json.loads(json.dumps(report.as_dict()))["passed"] is True


def collapse(half: str) -> Callable[[Weights], None]:
    """The second layer of a projection has weights near zero, so that its bias alone is left."""

    def change(weights: Weights) -> None:
        weights[f"{half}_projection.linear2.weight"] *= 1e-4
        weights[f"{half}_projection.linear2.bias"] += torch.linspace(-1, 1, 64)

    return change


def test_a_collapsed_text_space_is_refused_with_the_model_that_is_known_for_it(
    tmp_path: Path, tiny_checkpoint: Path
) -> None:
    clap = Clap(with_weights(tmp_path, tiny_checkpoint, collapse("text")))
    report = check_model(clap)

    assert not report.passed
    (finding,) = failed(report).values()
    assert finding.name == "texts told apart"
    jazz, metal = clap.embed_texts(["jazz standard", "heavy metal"])
    assert float(jazz @ metal) >= 0.999
    assert f"'jazz standard' and 'heavy metal': {float(jazz @ metal):.3f}" in finding.value
    assert "laion/larger_clap_music" in finding.advice
    assert "the text space is collapsed" in finding.advice
    assert "Take another checkpoint" in finding.advice


def test_a_collapsed_audio_space_is_refused(tmp_path: Path, tiny_checkpoint: Path) -> None:
    report = check_model(Clap(with_weights(tmp_path, tiny_checkpoint, collapse("audio"))))

    (finding,) = failed(report).values()
    assert finding.name == "sounds told apart"
    assert "every track gets nearly the same vector" in finding.advice


def damaged(tmp_path: Path, card: ModelCard, filename: str) -> ModelCard:
    """The model, with NaN among the numbers of one of its files."""
    import shutil

    import onnx
    from onnx import numpy_helper

    assert card.folder is not None
    folder = shutil.copytree(card.folder, tmp_path / card.name)
    graph = onnx.load(str(folder / filename))
    bias = next(value for value in graph.graph.initializer if value.name.endswith("projection.linear2.bias"))
    numbers = numpy_helper.to_array(bias).copy()
    numbers[0] = np.nan
    bias.CopyFrom(numpy_helper.from_array(numbers, bias.name))
    onnx.save(graph, str(folder / filename))
    return Registry(tmp_path).find(card.name)


@pytest.mark.parametrize("filename", ["audio.onnx", "text.int8.onnx"])
def test_weights_that_are_no_numbers_are_found(tmp_path: Path, tiny_card: ModelCard, filename: str) -> None:
    report = check_model(Clap(replace(damaged(tmp_path, tiny_card, filename), answers=None)))

    assert "finite" in failed(report)
    assert "pull and export the model again" in failed(report)["finite"].advice
    assert "deterministic" not in failed(report)


def test_other_preprocessing_than_the_cards_is_refused_before_anything_runs(
    tiny_card: ModelCard,
) -> None:
    wanted: dict[str, Any] = {**tiny_card.pipeline["preprocessing"], "low_hz": 0, "window_samples": 240_000}
    pipeline = {**tiny_card.pipeline, "preprocessing": wanted, "windows": {"size": 240_000, "hop": 240_000, "most": 9}}
    report = check_model(Clap(replace(tiny_card, pipeline=pipeline)))

    (finding,) = report.findings
    assert (finding.name, report.passed) == ("preprocessing", False)
    assert finding.value == "low_hz 50, window_samples 480000"
    assert finding.limit == "low_hz 0, window_samples 240000"
    assert "it is another model, and needs a card" in finding.advice


def test_other_dimensions_than_the_cards_are_refused(tiny_card: ModelCard) -> None:
    report = check_model(Clap(replace(tiny_card, dimensions=512)))

    (finding,) = failed(report).values()
    assert (finding.name, finding.value, finding.limit) == ("dimensions", "64", "512")


class Altered(Clap):
    """The small model, whose vectors are changed on their way out."""

    def __init__(self, card: ModelCard, alter: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        # the known answers would tell of the change before anything else
        super().__init__(replace(card, answers=None))
        self._alter = alter

    def embed_audio(self, waveform: Waveform) -> NDArray[np.float32]:
        """The vector, changed."""
        return self._alter(super().embed_audio(waveform))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors as they are."""
        return super().embed_texts(texts)


@pytest.mark.parametrize("factor", [1.01, 0.5, 0.0])
def test_vectors_of_another_length_are_refused(tiny_card: ModelCard, factor: float) -> None:
    report = check_model(Altered(tiny_card, lambda vector: vector * np.float32(factor)))
    assert "unit length" in failed(report)
    assert not report.passed


def test_rounding_to_halves_is_no_other_length(tiny_card: ModelCard) -> None:
    report = check_model(Altered(tiny_card, lambda vector: vector.astype(np.float16).astype(np.float32)))
    assert failed(report) == {}


def test_vectors_that_change_from_call_to_call_are_refused(tiny_card: ModelCard) -> None:
    random = np.random.default_rng(5)

    def crop(vector: NDArray[np.float32]) -> NDArray[np.float32]:
        moved = vector + random.normal(0, 1e-6, vector.shape).astype(np.float32)
        scaled: NDArray[np.float32] = moved / np.linalg.norm(moved)
        return scaled

    (finding,) = failed(check_model(Altered(tiny_card, crop))).values()
    assert finding.name == "deterministic"
    assert "random crops" in finding.advice


def test_prompts_and_sounds_are_as_different_as_they_are_said_to_be() -> None:
    prompts = load_prompts()
    assert len(prompts) == len(set(prompts)) == 64
    sounds = make_sounds(48_000)
    assert [sound.size for sound in sounds] == [576_000] * 8 + [24_000]
    spectra = [np.abs(np.fft.rfft(sound[:24_000])) for sound in sounds]
    units = np.stack([spectrum / np.linalg.norm(spectrum) for spectrum in spectra])
    cosines = (units @ units.T)[np.triu_indices(9, 1)]
    assert float(cosines.mean()) < 0.3
    for sound, same in zip(sounds, make_sounds(48_000), strict=True):
        assert sound.tobytes() == same.tobytes()
        assert float(np.abs(sound).max()) <= 1


def test_every_model_of_the_hub_says_how_it_hears(tmp_path: Path, tiny_checkpoint: Path) -> None:
    """The figures of an export bear the names that the cards use: a misspelt one would never be compared."""
    figures = exported_clap(tiny_checkpoint, tmp_path)
    for name in ("clap-htsat-unfused", "larger_clap_general"):
        assert find_model(name).pipeline["preprocessing"] == card_of(name, figures)["pipeline"]["preprocessing"]
