"""Discogs-EffNet's patches, its files, and its genres of a recording."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.audio.decoding import decode
from models.audio.log_mel import log_mel
from models.card import ModelFileError
from models.discogs_effnet import DiscogsEffnet, PatchPlan, cut_patches
from models.files.installation import measure_file
from models.files.web import install_files
from models.registry import Registry, open_genre_model
from models.runtime.run_options import RunOptions
from services.audio_store import LocalAudioStore, Recording
from services.genres import InProcessGenres
from tests.support import tiny_effnet
from tests.support.recordings import sample

if TYPE_CHECKING:
    from pathlib import Path

    from models.card import Card

RATE = 16_000
PLAN = PatchPlan(frames=128, hop=62)


@pytest.fixture(scope="session")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    """Installed as `models pull --from` does it."""
    folder = tmp_path_factory.mktemp("effnet")
    files = tiny_effnet.write_files(folder / "usb", tiny_effnet.files())
    install_files(files, folder / "models" / tiny_effnet.NAME, tiny_effnet.unpinned_card())
    return Registry(folder / "models").find_genre_model(tiny_effnet.NAME)


@pytest.fixture(scope="session")
def model(card: Card) -> DiscogsEffnet:
    return DiscogsEffnet(card)


def opened(folder: Path, **content: bytes) -> DiscogsEffnet:
    """Open files that nobody has looked at."""
    written = tiny_effnet.write_files(folder / "files", tiny_effnet.files(**content))
    files = tuple(measure_file(written, name) for name in tiny_effnet.files())
    return DiscogsEffnet(replace(tiny_effnet.unpinned_card(), folder=written, files=files))


@pytest.mark.parametrize(
    ("frames", "starts"), [(128, [0]), (189, [0]), (190, [0, 62]), (251, [0, 62]), (252, [0, 62, 124])]
)
def test_patches_overlap_and_the_rest_is_discarded(frames: int, starts: list[int]) -> None:
    numbers = np.repeat(np.arange(frames, dtype=np.float32)[:, None], 96, axis=1)
    patches = cut_patches(numbers, PLAN)
    assert patches.shape == (len(starts), 128, 96)
    assert patches[:, 0, 0].tolist() == starts
    np.testing.assert_array_equal(patches[-1, :, 5], np.arange(starts[-1], starts[-1] + 128))


@pytest.mark.parametrize("frames", [1, 50, 127])
def test_what_fills_no_patch_is_repeated(frames: int) -> None:
    numbers = np.repeat(np.arange(frames, dtype=np.float32)[:, None], 96, axis=1)
    (patch,) = cut_patches(numbers, PLAN)
    np.testing.assert_array_equal(patch[:, 0], np.arange(128) % frames)


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_activations_are_the_mean_over_patches(card: Card, batch: int) -> None:
    waveform = decode(sample("energetic_electronic_2"), RATE, max_seconds=12)
    frames = log_mel(waveform)
    logits = np.stack([frames[start : start + 128].mean(axis=0) for start in range(0, len(frames) - 127, 62)])
    expected = (0.5 + 0.5 * np.tanh(logits @ tiny_effnet.weights() / 2)).mean(axis=0)

    found = DiscogsEffnet(card, RunOptions(batch_windows=batch)).activations(waveform)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_recording_gets_genres_and_subgenres(model: DiscogsEffnet) -> None:
    waveform = decode(sample("calm_acoustic_1"), RATE, max_seconds=12)
    predictions = model.genre_predictions(waveform, top=10)
    best = int(model.activations(waveform).argmax())
    genre, style = model.labels[best].lower().split("---")

    # four genres have styles of the same hundred names: each name once, with its best probability
    assert [prediction.name for prediction in predictions[:2]] == [genre, style]
    assert len({prediction.name for prediction in predictions}) == len(predictions) == 10
    assert predictions[0].confidence == predictions[1].confidence == round(float(model.activations(waveform).max()), 4)
    confidences = [prediction.confidence for prediction in predictions]
    assert confidences == sorted(confidences, reverse=True)


def test_a_recording_of_the_store_is_classified(card: Card, tmp_path: Path) -> None:
    """The real decoder, and the model that the registry opens."""
    store = LocalAudioStore(tmp_path)
    file = sample("energetic_electronic_2")
    with file.open("rb") as content:
        recording = Recording(store, store.put(content, "opus").file_id, "opus")
    genres = InProcessGenres(card, RunOptions(), max_seconds=5, top=3)
    expected = open_genre_model(card).genre_predictions(decode(file, RATE, max_seconds=5), top=3)
    assert genres.classify(recording) == expected


@pytest.mark.parametrize(
    ("waveform", "words"),
    [
        (np.zeros(0, np.float32), "samples > 0"),
        (np.zeros((2, 9), np.float32), "samples > 0"),
        (np.array([0.0, np.nan], np.float32), "not finite"),
    ],
)
def test_what_is_no_waveform_is_refused(model: DiscogsEffnet, waveform: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        model.genre_predictions(waveform)


def test_a_single_sample_and_silence_are_classified(model: DiscogsEffnet) -> None:
    for waveform in (np.zeros(1, np.float32), np.zeros(RATE, np.float32)):
        assert len(model.genre_predictions(waveform, top=4)) == 4


def test_memory_does_not_grow_with_the_patches(model: DiscogsEffnet) -> None:
    """Beside the waveform and its spectrogram, 1.5 of its size, there is one batch."""
    waveform = np.random.default_rng(0).normal(0, 0.1, 600 * RATE).astype(np.float32)
    tracemalloc.start()
    model.activations(waveform)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2.0 * waveform.nbytes


# --- files that are something else


@pytest.mark.parametrize(
    "names",
    [
        ("melspectrogram", "activations", "embeddings"),
        ("serving_default_melspectrogram", "PartitionedCall:0", "PartitionedCall:1"),
        ("a", "b", "c"),
    ],
)
def test_input_and_output_are_found_under_any_name(tmp_path: Path, names: tuple[str, str, str]) -> None:
    model = opened(tmp_path, network_content=tiny_effnet.network(names=names))
    assert len(model.activations(np.zeros(RATE, np.float32))) == 400


def test_the_stated_output_is_taken_where_two_have_the_same_width(tmp_path: Path) -> None:
    classes = [f"a---{number}" for number in range(tiny_effnet.EMBEDDING)]
    network = tiny_effnet.network(classes=len(classes), names=("x", "PartitionedCall:0", "PartitionedCall:1"))
    model = opened(tmp_path, network_content=network, metadata_content=tiny_effnet.metadata(classes=classes))
    assert (model.activations(np.ones(RATE, np.float32)) >= 0).all()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"network_content": tiny_effnet.network(bands=64)},
            r"input \['batch', 128, 96\] is wanted, and there is melspectrogram \['batch', 128, 64\]",
        ),
        (
            {"network_content": tiny_effnet.network(classes=519)},
            r"output \['batch', 400\] is wanted, and there is activations \['batch', 519\], embeddings",
        ),
        ({"network_content": tiny_effnet.network(batch=64)}, r"there is melspectrogram \[64, 128, 96\]"),
        ({"network_content": tiny_effnet.network(sigmoid=False)}, "activations gives no probabilities from 0 to 1"),
        ({"network_content": b"<html>"}, "is no ONNX network"),
        ({"metadata_content": b"<html>"}, "is no JSON"),
        ({"metadata_content": b"[]"}, "is no description of a model"),
        ({"metadata_content": tiny_effnet.metadata(classes=[])}, "no list of distinct classes"),
        ({"metadata_content": tiny_effnet.metadata(classes=["a", "a"])}, "no list of distinct classes"),
        ({"metadata_content": tiny_effnet.metadata(classes=[1, 2])}, "no list of distinct classes"),
        ({"metadata_content": tiny_effnet.metadata(inference={"sample_rate": 44100})}, "audio at 44100 Hz, not 16000"),
    ],
)
def test_files_of_another_model_are_refused(tmp_path: Path, content: dict[str, bytes], words: str) -> None:
    with pytest.raises(ModelFileError, match=words):
        opened(tmp_path, **content)


@pytest.mark.parametrize("schema", [None, {}, {"inputs": [], "outputs": []}])
def test_a_description_without_a_schema_will_do(tmp_path: Path, schema: dict[str, Any] | None) -> None:
    assert len(opened(tmp_path, metadata_content=tiny_effnet.metadata(schema=schema)).labels) == 400
