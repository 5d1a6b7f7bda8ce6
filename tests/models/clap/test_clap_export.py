"""Exported files against transformers' own processor and model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import ClapAudioConfig, ClapConfig, ClapTextConfig

from models.audio.decoding import decode
from models.clap import Clap
from models.clap.export.export import (
    ExportError,
    ExportReport,
    export_checkpoint,
    make_sounds,
    quantise_texts,
    run_texts,
)
from models.clap.export.random_checkpoint import save_checkpoint, tiny_config
from models.relevance.calibration import load_texts
from models.runtime.onnx_session import open_session
from tests.support.depth import DEEP, only_deep
from tests.support.recordings import chirp, sample
from tests.support.tiny_clap import install_clap
from tests.support.transformers_clap import TransformersClap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.card import ModelCard

RATE, WINDOW = 48_000, 480_000
RECORDINGS = ("calm_acoustic_1", "energetic_electronic_2", "nostalgic_acoustic_s411")
MOST_DIFFERENCE = 1e-4
LEAST_COSINE = 0.999
ONLY_DEEP = only_deep("the layouts of the other cases go through the same code")

Damage: TypeAlias = Callable[[Path], object]


def hard_sounds() -> list[NDArray[np.float32]]:
    """Windows at the borders of hearing: silence, one click, full scale, a sweep, and something below a bit."""
    click = np.zeros(WINDOW, np.float32)
    click[WINDOW // 2] = 1
    square = np.sign(np.sin(2 * np.pi * 55 * np.arange(WINDOW) / RATE)).astype(np.float32)
    return [np.zeros(WINDOW, np.float32), click, square, chirp(10, RATE, start=20.0, slope=1100.0), 1e-6 * square]


def windows_of_recordings() -> list[NDArray[np.float32]]:
    """Beginning and middle of real recordings."""
    tracks = [decode(sample(name), RATE, max_seconds=25) for name in RECORDINGS]
    return [track[start : start + WINDOW] for track in tracks for start in (0, track.size - WINDOW)]


def largest_difference(clap: Clap, reference: TransformersClap, sounds: list[NDArray[np.float32]]) -> float:
    """Of single windows as they are; the model as a whole would skip silence at their beginning."""
    session = open_session(clap.card.locate("audio.onnx"), device="cpu")
    heard = np.concatenate([session.run(["projection"], {"waveform": sound[None]})[0] for sound in sounds])
    unit = heard / np.linalg.norm(heard, axis=1, keepdims=True)
    return float(np.abs(unit - reference.embed_windows(sounds)).max())


def test_test_sounds_are_heard_as_transformers_hears_them(tiny_clap: Clap, reference: TransformersClap) -> None:
    expected = reference.embed_windows(list(make_sounds(RATE, WINDOW)))
    assert float((expected @ expected.T).min()) < 0.9, "the sounds must not all look alike to this model"
    assert largest_difference(tiny_clap, reference, list(make_sounds(RATE, WINDOW))) <= MOST_DIFFERENCE


def test_recordings_are_heard_as_transformers_hears_them(tiny_clap: Clap, reference: TransformersClap) -> None:
    assert largest_difference(tiny_clap, reference, windows_of_recordings()) <= MOST_DIFFERENCE


def test_the_borders_of_hearing_are_those_of_transformers(tiny_clap: Clap, reference: TransformersClap) -> None:
    assert largest_difference(tiny_clap, reference, hard_sounds()) <= MOST_DIFFERENCE


def test_texts_in_float32_are_read_as_transformers_reads_them(
    tiny_card: ModelCard, tiny_clap: Clap, reference: TransformersClap
) -> None:
    texts = [*load_texts().descriptions, *load_texts().unrelated, "Ünïcode — 音楽 🎹", "  two  spaces ", "a"]
    session = open_session(tiny_card.locate("text.onnx"), device="cpu")
    backend = reference.processor.tokenizer.backend_tokenizer
    found = []
    for text in texts:
        ids = backend.encode(text).ids
        feed = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}
        found.append(session.run(["embedding"], feed)[0][0])
    expected = reference.embed_texts(texts)
    assert float(np.abs(np.stack(found) - expected).max()) <= MOST_DIFFERENCE

    cosines = (tiny_clap.embed_texts(texts) * expected).sum(axis=1)
    assert float(cosines.min()) >= LEAST_COSINE
    # a model that reads every text alike would pass any comparison of cosines
    assert float((expected @ expected.T).min()) < 0.98


def test_padding_does_not_change_a_text(tiny_card: ModelCard, reference: TransformersClap) -> None:
    session = open_session(tiny_card.locate("text.onnx"), device="cpu")
    encoded = reference.processor(
        text=["piano", "a slow and very sad string quartet"], return_tensors="np", padding=True
    )
    names = ("input_ids", "attention_mask")
    padded = session.run(["embedding"], {name: encoded[name].astype(np.int64) for name in names})[0]
    length = int(encoded["attention_mask"][0].sum())
    alone = session.run(["embedding"], {name: encoded[name][:1, :length].astype(np.int64) for name in names})[0]
    np.testing.assert_allclose(padded[0], alone[0], atol=1e-6)


def other_config(audio: dict[str, Any] | None = None, text: dict[str, Any] | None = None, **shared: Any) -> ClapConfig:
    """The tiny configuration with something else in it."""
    tiny = tiny_config()
    audio_config: Any = tiny.audio_config
    text_config: Any = tiny.text_config
    return ClapConfig(
        text_config=ClapTextConfig(**{**text_config.to_dict(), **(text or {})}).to_dict(),
        audio_config=ClapAudioConfig(**{**audio_config.to_dict(), **(audio or {})}).to_dict(),
        **{"projection_dim": 64, **shared},
    )


@DEEP
@pytest.mark.parametrize(
    "config",
    [
        pytest.param(
            other_config(
                audio={
                    "depths": [2, 2, 6, 2],
                    "num_attention_heads": [1, 2, 4, 8],
                    "num_hidden_layers": 4,
                    "hidden_size": 64,
                }
            ),
            id="four stages",
        ),
        pytest.param(
            other_config(
                audio={"patch_embeds_hidden_size": 16, "hidden_size": 64, "projection_dim": 96},
                text={"hidden_size": 48, "num_hidden_layers": 3, "projection_dim": 96, "max_position_embeddings": 514},
                projection_dim=96,
            ),
            id="other widths",
        ),
        pytest.param(other_config(audio={"window_size": 4}), id="small attention windows", marks=ONLY_DEEP),
        pytest.param(
            other_config(audio={"patch_stride": [8, 8], "patch_size": 8, "window_size": 8}),
            id="large patches",
            marks=ONLY_DEEP,
        ),
        pytest.param(other_config(audio={"qkv_bias": False}), id="no bias", marks=ONLY_DEEP),
        pytest.param(
            other_config(audio={"projection_hidden_act": "gelu"}, text={"projection_hidden_act": "gelu"}),
            id="gelu",
            marks=ONLY_DEEP,
        ),
    ],
)
def test_other_layouts_are_exported_truly(tmp_path: Path, config: ClapConfig) -> None:
    checkpoint = save_checkpoint(tmp_path / "checkpoint", config, seed=7)
    card = install_clap(tmp_path / "models", checkpoint, "other")
    clap, reference = Clap(card), TransformersClap(checkpoint)

    assert card.dimensions == config.projection_dim
    sounds = [make_sounds(RATE, WINDOW)[3], windows_of_recordings()[0]]
    assert largest_difference(clap, reference, sounds) <= MOST_DIFFERENCE
    texts = load_texts().descriptions[:8]
    assert float((clap.embed_texts(texts) * reference.embed_texts(texts)).sum(axis=1).min()) >= LEAST_COSINE


def test_another_spectrogram_is_exported_truly(tmp_path: Path, tiny_checkpoint: Path) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    edit(
        "preprocessor_config.json",
        {
            "fft_window_size": 2048,
            "hop_length": 320,
            "max_length_s": 6,
            "nb_max_samples": 288_000,
            "nb_frequency_bins": 1025,
        }
        | {"frequency_min": 0},
    )(folder)
    clap, reference = Clap(install_clap(tmp_path, folder, "other")), TransformersClap(folder)

    sounds = list(make_sounds(RATE, 288_000))
    assert largest_difference(clap, reference, sounds) <= MOST_DIFFERENCE


def test_weights_of_the_older_format_give_the_same_files(
    tmp_path: Path, tiny_checkpoint: Path, tiny_card: ModelCard
) -> None:
    """What laion published: a pickle, in which an older transformers kept the numbers of the positions."""
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    weights = load_file(folder / "model.safetensors")
    weights["text_model.embeddings.position_ids"] = torch.arange(130)[None]
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    (tmp_path / "out").mkdir()
    export_checkpoint(folder, tmp_path / "out", lambda _: None)

    for name in ("audio.onnx", "text.onnx", "text.int8.onnx", "tokenizer.json", "preprocessing.json"):
        assert (tmp_path / "out" / name).read_bytes() == tiny_card.locate(name).read_bytes(), name


@pytest.mark.parametrize("kept", [("vocab.json", "merges.txt"), ()])
def test_a_tokenizer_of_one_file_reads_the_same(
    tmp_path: Path, tiny_checkpoint: Path, tiny_card: ModelCard, kept: tuple[str, ...]
) -> None:
    """The published one cuts and pads by itself, which no export may go on doing."""
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    tokenizer = Tokenizer.from_file(str(tiny_card.locate("tokenizer.json")))
    tokenizer.enable_truncation(5)
    tokenizer.enable_padding(length=5, pad_id=1, pad_token="<pad>")  # noqa: S106 - no password
    tokenizer.save(str(folder / "tokenizer.json"))
    remove(*({"vocab.json", "merges.txt"} - set(kept)))(folder)
    (tmp_path / "out").mkdir()
    export_checkpoint(folder, tmp_path / "out", lambda _: None)

    found = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    wanted = Tokenizer.from_file(str(tiny_card.locate("tokenizer.json")))
    for text in ("rain", "a slow and very sad song for strings, Ünïcode 🎹"):
        assert found.encode(text).ids == wanted.encode(text).ids
    assert len(found.encode("a slow and very sad song").ids) > 5


def test_the_report_says_how_near_the_files_are(tmp_path: Path, tiny_checkpoint: Path) -> None:
    said: list[str] = []
    report = export_checkpoint(tiny_checkpoint, tmp_path, said.append)

    assert isinstance(report, ExportReport)
    assert report.dimensions == 64
    assert 0 < report.audio_difference <= MOST_DIFFERENCE
    assert 0 < report.text_difference <= MOST_DIFFERENCE
    assert LEAST_COSINE <= report.int8_cosine < 1
    assert report.versions["torch"] == torch.__version__
    assert json.loads(json.dumps(report.as_dict()))["int8_layout"] == "every product in int8"
    assert integer_products(tmp_path / "text.int8.onnx") == {"MatMulInteger"}
    assert said[0] == "reading the checkpoint"
    assert len(said) == len(set(said)) == 5


def integer_products(path: Path) -> set[str]:
    """Kinds of the products in whole numbers of a text half, which no processor may compute otherwise than another."""
    graph = onnx.load(str(path)).graph
    weights = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    found = set()
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            matrix = weights[node.input[1]]
            assert matrix.dtype == np.uint8, "signed ones are added in 16 bits by processors without VNNI"
            assert len(matrix) * 255**2 < 2**31
        elif node.op_type == "MatMulNBits":
            given = {attribute.name: attribute.i for attribute in node.attribute}
            assert (given["bits"], given["block_size"], given["accuracy_level"]) == (8, 32, 4)
            assert len(node.input) == 3 or not node.input[3], "zero is 128 everywhere"
        else:
            assert node.op_type not in {"QLinearMatMul", "QGemm", "QAttention", "MatMul4Bits", "ConvInteger"}
            continue
        found.add(node.op_type)
    return found


def with_outliers(folder: Path) -> Path:
    """A checkpoint in whose text half one channel is far louder than the others, as in trained transformers."""
    config = other_config(text={"hidden_size": 256, "intermediate_size": 512})
    save_checkpoint(folder, config)
    weights = load_file(folder / "model.safetensors")
    for name in weights:
        if name.startswith("text_model.encoder") and name.endswith("LayerNorm.weight"):
            weights[name][7] = 30.0
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_each_layout_is_truer_than_the_one_before_where_a_channel_is_loud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is taken where one is not near enough; how near that is, is not the processor's affair."""
    checkpoint, out = with_outliers(tmp_path / "checkpoint"), tmp_path / "out"
    out.mkdir()
    export_checkpoint(checkpoint, out, lambda _: None)
    expected = run_texts(out, "text.onnx")

    def quantise(above: float) -> tuple[str, float]:
        monkeypatch.setattr("models.clap.export.export.LEAST_COSINE", above + 1e-6)
        layout, vectors = quantise_texts(out, expected)
        return layout, float((vectors * expected).sum(axis=1).min())

    layout, columns = quantise(-1)
    assert layout == "every product in int8"
    layout, blocks = quantise(columns)
    assert layout == "every product in int8, in blocks of 32"
    assert integer_products(out / "text.int8.onnx") == {"MatMulNBits"}
    assert blocks >= LEAST_COSINE
    # they save as much as columns do
    assert (out / "text.int8.onnx").stat().st_size < 0.4 * (out / "text.onnx").stat().st_size

    layout, _ = quantise(blocks)
    assert layout == "products in float32, words in int8"
    assert integer_products(out / "text.int8.onnx") == set()
    with pytest.raises(ExportError, match=r"only within a cosine of"):
        quantise(1.1)


def test_nothing_of_torch_is_needed_to_run_it(tiny_card: ModelCard) -> None:
    import subprocess
    import sys

    code = (
        "import sys, pathlib; from models.registry import Registry; from models.clap import Clap\n"
        "clap = Clap(Registry(pathlib.Path(sys.argv[1])).find(sys.argv[2])); clap.embed_text('rain')\n"
        "sys.exit(str([name for name in ('torch', 'transformers', 'onnx') if name in sys.modules] or ''))"
    )
    assert tiny_card.folder is not None
    arguments = [sys.executable, "-c", code, str(tiny_card.folder.parent), tiny_card.name]
    finished = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert finished.stderr.strip() == ""


def edit(filename: str, values: dict[str, Any], inside: str | None = None) -> Damage:
    """Change values of a JSON file of a checkpoint."""

    def change(folder: Path) -> None:
        content = json.loads((folder / filename).read_text(encoding="utf-8"))
        (content if inside is None else content[inside]).update(values)
        (folder / filename).write_text(json.dumps(content), encoding="utf-8")

    return change


def remove(*filenames: str) -> Damage:
    """Remove files of a checkpoint."""

    def change(folder: Path) -> None:
        for filename in filenames:
            (folder / filename).unlink()

    return change


def write(filename: str, content: bytes) -> Damage:
    """Write a file of a checkpoint anew."""
    return lambda folder: (folder / filename).write_bytes(content)


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(remove("config.json"), "is no checkpoint: config.json cannot be read", id="no config"),
        pytest.param(write("config.json", b"{"), "config.json cannot be read", id="broken config"),
        pytest.param(write("config.json", b"[1]"), "config.json cannot be read", id="config is a list"),
        pytest.param(edit("config.json", {"model_type": "bert"}), "a model of the type bert, not clap", id="bert"),
        pytest.param(
            edit("config.json", {"enable_fusion": True}, "audio_config"), "fusion hears random crops", id="fusion"
        ),
        pytest.param(
            edit("preprocessor_config.json", {"truncation": "fusion"}), "fusion hears random crops", id="fusing crops"
        ),
        pytest.param(remove("preprocessor_config.json"), "lacks preprocessor_config.json", id="no preprocessor"),
        pytest.param(
            edit("preprocessor_config.json", {"padding": "pad"}), "padded by 'pad': only 'repeatpad'", id="padding"
        ),
        pytest.param(
            edit("preprocessor_config.json", {"feature_size": 32}), "makes 32 mels, the model hears 64", id="mels"
        ),
        pytest.param(
            edit("preprocessor_config.json", {"max_length_s": 20, "nb_max_samples": 960_000}),
            "layout that is not known: 2001 frames do not fit into 1024",
            id="long windows",
        ),
        pytest.param(
            remove("vocab.json", "merges.txt"), "has no tokenizer: tokenizer.json, or vocab.json", id="no words"
        ),
        pytest.param(remove("merges.txt"), "has no tokenizer", id="no merges"),
        pytest.param(write("vocab.json", b"{}"), "cannot be opened|tokenizer", id="empty vocabulary"),
        pytest.param(
            remove("model.safetensors"), "cannot be opened: .*model.safetensors, or pytorch_model.bin", id="none"
        ),
        pytest.param(cut_weights, "cannot be opened: .*header", id="cut off"),
        pytest.param(
            edit("config.json", {"num_hidden_layers": 3}, "text_config"),
            r"do not fit its config.json: \d+ are missing .*the first is text_model.encoder.layer.2",
            id="a layer too many",
        ),
        pytest.param(edit("config.json", {"projection_dim": 32}), "do not fit its config.json", id="another width"),
    ],
)
def test_what_cannot_be_exported_truly_is_refused(
    tmp_path: Path, tiny_checkpoint: Path, damage: Damage, reason: str
) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    damage(folder)
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportError, match=reason):
        export_checkpoint(folder, tmp_path / "out", lambda _: None)
    assert list((tmp_path / "out").glob("*.onnx")) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ({"max_position_embeddings": 100}, "has 98 positions, fewer than the 128"),
        ({"vocab_size": 300}, r"the tokenizer has \d+ tokens, the model knows 300"),
    ],
)
def test_a_text_half_that_is_too_small_is_refused(
    tmp_path: Path, tiny_checkpoint: Path, text: dict[str, Any], reason: str
) -> None:
    folder = save_checkpoint(tmp_path / "checkpoint", other_config(text=text))
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(tiny_checkpoint / name, folder / name)
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportError, match=reason):
        export_checkpoint(folder, tmp_path / "out", lambda _: None)
