"""A network of Discogs-EffNet's inputs and outputs with random weights, and a JSON file in Essentia's format."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.card import GenreCard, WebFile
from models.registry import load_all

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NAME = "discogs-effnet"
NETWORK = "discogs-effnet-bsdynamic-1.onnx"
METADATA = "discogs-effnet-bsdynamic-1.json"
CLASSES = [f"{genre}---Style {number}" for genre in ("Electronic", "Rock", "Jazz", "Pop") for number in range(100)]
EMBEDDING = 1280


def weights(classes: int = len(CLASSES), bands: int = 96) -> NDArray[np.float32]:
    """From a patch's mean over time to the classes' logits."""
    return np.random.default_rng(5).normal(0, 1.5, (bands, classes)).astype(np.float32)


def network(
    *,
    classes: int = len(CLASSES),
    bands: int = 96,
    batch: str | int = "batch",
    names: tuple[str, str, str] = ("melspectrogram", "activations", "embeddings"),
    sigmoid: bool = True,
) -> bytes:
    """An ONNX file: the mean over time, then one layer for the activations and one for the embedding.

    Args:
        classes: Width of the activations.
        bands: Of the spectrogram.
        batch: First dimension; a number makes it fixed.
        names: Of the input, the activations and the embedding.
        sigmoid: Whether the activations are probabilities.
    """
    heard, activations, embedding = names
    nodes = [
        helper.make_node("ReduceMean", [heard], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "to_classes"], ["logits"]),
        helper.make_node("Sigmoid" if sigmoid else "Identity", ["logits"], [activations]),
        helper.make_node("MatMul", ["mean", "to_embedding"], [embedding]),
    ]
    constants = {"to_classes": weights(classes, bands), "to_embedding": weights(EMBEDDING, bands)}
    graph = helper.make_graph(
        nodes,
        "effnet",
        [helper.make_tensor_value_info(heard, TensorProto.FLOAT, [batch, 128, bands])],
        [
            # as in the published file, the embedding is no smaller than what is wanted
            helper.make_tensor_value_info(activations, TensorProto.FLOAT, [batch, classes]),
            helper.make_tensor_value_info(embedding, TensorProto.FLOAT, [batch, EMBEDDING]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def metadata(**changes: Any) -> bytes:
    """What Essentia's JSON file says; the names of its schema are those of the TensorFlow graph."""
    content = {
        "name": "EffnetDiscogs",
        "type": "Music genre classification and embeddings",
        "version": "1",
        "framework": "tensorflow",
        "classes": CLASSES,
        "model_types": ["frozen_model", "SavedModel", "onnx"],
        "schema": {
            "inputs": [{"name": "serving_default_melspectrogram", "type": "float", "shape": ["batch_size", 128, 96]}],
            "outputs": [
                {
                    "name": "PartitionedCall:0",
                    "type": "float",
                    "shape": ["batch_size", 400],
                    "op": "Sigmoid",
                    "output_purpose": "predictions",
                },
                {
                    "name": "PartitionedCall:1",
                    "type": "float",
                    "shape": ["batch_size", EMBEDDING],
                    "op": "Flatten",
                    "output_purpose": "embeddings",
                },
            ],
        },
        "inference": {"sample_rate": 16000, "algorithm": "TensorflowPredictEffnetDiscogs"},
    }
    return json.dumps(content | changes).encode()


def files(network_content: bytes | None = None, metadata_content: bytes | None = None) -> dict[str, bytes]:
    """Both files by name."""
    return {NETWORK: network_content or network(), METADATA: metadata_content or metadata()}


def write_files(folder: Path, content: dict[str, bytes]) -> Path:
    """Both files in a new folder."""
    folder.mkdir(parents=True)
    for name, written in content.items():
        (folder / name).write_bytes(written)
    return folder


def unpinned_card() -> GenreCard:
    """The manifest's card, as if nobody had published sizes and digests: random weights have others."""
    card = load_all()[NAME]
    assert isinstance(card, GenreCard)
    web = replace(card.web, files=tuple(WebFile(file.path) for file in card.web.files))
    return replace(card, web=web)
