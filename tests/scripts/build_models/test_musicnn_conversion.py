"""The conversion, on small networks with random weights."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import librosa
import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # ships no annotations
import pytest
from typer import Typer
from typer.testing import CliRunner

from models.audio.log_mel import mel_filters
from scripts.build_models import convert_musicnn, standardise_musicnn
from scripts.build_models.musicnn_graph import build_graph
from scripts.build_models.musicnn_reference import reference_logits
from scripts.build_models.tf_checkpoint import CheckpointError, Tensor
from tests.scripts.build_models.tf_checkpoints import write_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

FRONT = {
    "conv2d": (7, 38, 3),
    "conv2d_1": (7, 67, 3),
    "conv2d_2": (128, 1, 2),
    "conv2d_3": (64, 1, 2),
    "conv2d_4": (32, 1, 2),
}
"""Kernel height and width, and channels: musicnn's own sizes, with fewer channels."""


def small_network(seed: int, tags: int = 50) -> dict[str, Tensor]:
    """Random variables in musicnn's architecture; some of the batch norms' scales are negative."""
    rng = np.random.default_rng(seed)
    front, middle = sum(channels for *_, channels in FRONT.values()), 4
    variables: dict[str, Tensor] = {}

    def add(name: str, *shape: int) -> None:
        fan_in = max(1, int(np.prod(shape[:-1])))
        variables[f"{name}/kernel"] = rng.normal(0, fan_in**-0.5, shape).astype(np.float32)
        variables[f"{name}/bias"] = rng.normal(0, 0.3, shape[-1]).astype(np.float32)

    for name, (height, width, channels) in FRONT.items():
        add(name, height, width, 1, channels)
    for name, wide in (("conv2d_5", front), ("conv2d_6", middle), ("conv2d_7", middle)):
        add(name, 7, wide, 1, middle)
    features = front + 3 * middle
    add("dense", 2 * features, 5)
    add("dense_1", 5, tags)
    for number, width in enumerate([1, 3, 3, 2, 2, 2, middle, middle, middle, 2 * features, 5]):
        name = f"batch_normalization_{number}".removesuffix("_0")
        for part, value in (
            ("gamma", rng.normal(0.5, 1, width)),
            ("beta", rng.normal(0, 0.3, width)),
            ("moving_mean", rng.normal(0, 0.5, width)),
            ("moving_variance", rng.uniform(0.3, 2, width)),
        ):
            variables[f"{name}/{part}"] = value.astype(np.float32)
    return variables


def test_the_graph_equals_the_layers_one_by_one() -> None:
    networks = {"mtt": small_network(1, tags=4), "msd": small_network(2, tags=3)}
    waveform = np.random.default_rng(3).normal(0, 0.2, (2, 48_128)).astype(np.float32)
    session = onnxruntime.InferenceSession(build_graph(networks).SerializeToString())
    logits, log_mel = session.run(["logits", "log_mel"], {"waveform": waveform})

    assert logits.shape == (2, 7)
    for row, mel in zip(logits, log_mel.astype(np.float64), strict=True):
        expected = np.concatenate([reference_logits(mel, variables) for variables in networks.values()])
        np.testing.assert_allclose(row, expected, rtol=1e-4, atol=1e-4)


def test_the_filter_bank_equals_librosas() -> None:
    expected = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=96, dtype=np.float64)
    np.testing.assert_allclose(mel_filters(), expected, atol=1e-12)


def wheel(folder: Path) -> Path:
    """A wheel laid out as musicnn's is."""
    path = folder / "musicnn-0.1.0-py3-none-any.whl"
    labels = {}
    for dataset, genres in convert_musicnn.GENRES.items():
        names = genres.split(", ")
        labels[dataset] = names + [f"tag {number}" for number in range(50 - len(names))]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("musicnn-0.1.0.dist-info/LICENSE.md", "Anyone may use this.")
        archive.writestr(
            "musicnn/configuration.py", f"SR = 16000\nMTT_LABELS = {labels['mtt']}\n\nMSD_LABELS = {labels['msd']}\n"
        )
        for seed, name in enumerate(("MTT", "MSD")):
            training = {"dense/kernel/Adam": np.ones(3, np.float32), "beta1_power": np.ones((), np.float32)}
            index, data = write_checkpoint(small_network(seed) | training)
            archive.writestr(f"musicnn/{name}_musicnn/.index", index)
            archive.writestr(f"musicnn/{name}_musicnn/.data-00000-of-00001", data)
    return path


def test_a_wheel_becomes_the_same_files_every_time(tmp_path: Path) -> None:
    source = wheel(tmp_path)
    unpacked = tmp_path / "unpacked"
    zipfile.ZipFile(source).extractall(unpacked)
    differences = [
        convert_musicnn.convert(path, tmp_path / str(run)) for run, path in enumerate((source, source, unpacked))
    ]

    assert max(differences) < convert_musicnn.PARITY
    for name in ("musicnn_tags.onnx", "tags.json", "LICENSE"):
        first, *others = ((tmp_path / str(run) / name).read_bytes() for run in range(3))
        assert others == [first, first]
    tags = json.loads((tmp_path / "0" / "tags.json").read_text(encoding="utf-8"))
    assert [tag["dataset"] for tag in tags] == ["mtt"] * 50 + ["msd"] * 50
    assert tags[0] == {"name": "ambient", "dataset": "mtt", "genre": True}
    assert tags[49] == {"name": "tag 37", "dataset": "mtt", "genre": False}


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.whl"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("other/__init__.py", "")
    with pytest.raises(CheckpointError, match=r"other\.whl is not the wheel of musicnn 0\.1\.0"):
        convert_musicnn.convert(other, tmp_path / "output")
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("script", [convert_musicnn, standardise_musicnn])
def test_help_shows_an_example(script: object) -> None:
    app = Typer()
    app.command()(script.main)  # type: ignore[attr-defined]  # both modules have one
    result = CliRunner().invoke(app, ["--help"])

    assert result.exit_code == 0
    assert "Example: python -m scripts." in result.output


def test_a_tag_that_hardly_varies_is_not_blown_up() -> None:
    log_odds = np.zeros((28, 3))
    log_odds[:, 0] = np.tile([-2.0, 2.0], 14)
    log_odds[:, 1] = np.tile([-1.0, 3.0], 14)
    log_odds[:, 2] = np.tile([5.0, 5.001], 14)
    mean, scale = standardise_musicnn.standardise(log_odds)

    np.testing.assert_allclose(mean, [0.0, 1.0, 5.0005])
    # Variances 4, 4 and almost 0 have the mean 8/3, which counts for 7 tracks beside the 28.
    np.testing.assert_allclose(scale[:2], np.sqrt((28 * 4 + 7 * 8 / 3) / 35))
    assert scale[2] == pytest.approx(np.sqrt(7 * 8 / 3 / 35), rel=1e-4)
