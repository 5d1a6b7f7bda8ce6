"""Build musicnn's two taggers as one ONNX graph that takes waveforms.

The architecture is that of Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio
tagging" (2019), as the package `musicnn` 0.1.0 defines it. The log-mel front end is part of the graph and is
computed once for both networks, so that whoever runs the file needs no signal processing of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.audio.log_mel import FFT_SIZE, HOP, LOG_GAIN, MEL_BANDS, mel_filters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from scripts.build_models.tf_checkpoint import Tensor

BATCH_NORM_EPSILON = 1e-3
"""The default of `tf.compat.v1.layers.batch_normalization`."""

OPSET = 17
IR_VERSION = 8

_TIMBRAL = (("conv2d", "batch_normalization_1"), ("conv2d_1", "batch_normalization_2"))
_TEMPORAL = (
    ("conv2d_2", "batch_normalization_3"),
    ("conv2d_3", "batch_normalization_4"),
    ("conv2d_4", "batch_normalization_5"),
)
_MIDDLE = (
    ("conv2d_5", "batch_normalization_6"),
    ("conv2d_6", "batch_normalization_7"),
    ("conv2d_7", "batch_normalization_8"),
)


def fourier_basis() -> NDArray[np.float64]:
    """Hann-windowed cosines and sines: one frame's Fourier transform as a matrix product.

    The window is the periodic Hann window, which spectral analysis uses.

    Returns:
        Real parts' rows, then imaginary parts', shape `(FFT_SIZE + 2, FFT_SIZE)`.
    """
    time = np.arange(FFT_SIZE)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * time / FFT_SIZE)
    # The product is reduced modulo the period before it becomes an angle: exact integers, exact symmetry.
    angle = 2 * np.pi * (np.outer(np.arange(FFT_SIZE // 2 + 1), time) % FFT_SIZE) / FFT_SIZE
    return np.concatenate([np.cos(angle), -np.sin(angle)]) * window


def batch_norm(variables: Mapping[str, Tensor], name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Batch normalisation at inference as one multiplication and one addition.

    Args:
        variables: The network's variables by name.
        name: The layer, for example `"batch_normalization_1"`.

    Returns:
        Scale and offset, each of shape `(channels,)`.
    """
    gamma, beta, mean, variance = (
        variables[f"{name}/{part}"].astype(np.float64) for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
    return scale, beta - mean * scale


@dataclass
class _Graph:
    """ONNX nodes and weights under construction; every method returns its output's name."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: NDArray[np.float64] | NDArray[np.int64]) -> str:
        """Add a weight, stored as float32 unless it is integer."""
        stored = value if value.dtype == np.int64 else value.astype(np.float32)
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(stored), name))
        return name

    def node(self, operator: str, inputs: Sequence[str], name: str, **attributes: int | list[int]) -> str:
        """Add a node whose single output bears its name."""
        made = helper.make_node(operator, list(inputs), [name], name=name)
        made.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.nodes.append(made)
        return name

    def affine(self, value: str, name: str, scale: NDArray[np.float64], offset: NDArray[np.float64]) -> str:
        """Multiply and add, broadcast over `value`."""
        scaled = self.node("Mul", [value, self.constant(f"{name}/scale", scale)], f"{name}/scaled")
        return self.node("Add", [scaled, self.constant(f"{name}/offset", offset)], f"{name}/shifted")


def build_graph(networks: Mapping[str, Mapping[str, Tensor]]) -> onnx.ModelProto:
    """Assemble the model.

    Args:
        networks: Variables by their TensorFlow names, for each network, in output order.

    Returns:
        A checked ONNX model: `waveform` float32 `(batch, samples)` at 16 kHz to `logits` float32
        `(batch, tags)`, and `log_mel` float32 `(batch, frames, 96)`, which is what the networks saw. Frames are not
        centred: the first starts at sample 0, and `samples` is at least 512.

    Raises:
        onnx.checker.ValidationError: The graph is not valid ONNX.
    """
    graph = _Graph()
    log_mel = _log_mel(graph)
    image = graph.node("Unsqueeze", [log_mel, graph.constant("channel_axis", np.array([1]))], "image")
    outputs = [_network(graph, image, name, variables) for name, variables in networks.items()]
    logits = graph.node("Concat", outputs, "logits", axis=1)
    tags = sum(variables["dense_1/bias"].size for variables in networks.values())
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "musicnn_tags",
            [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", "samples"])],
            [
                helper.make_tensor_value_info(logits, TensorProto.FLOAT, ["batch", tags]),
                helper.make_tensor_value_info(log_mel, TensorProto.FLOAT, ["batch", "frames", MEL_BANDS]),
            ],
            graph.weights,
        ),
        producer_name="vibe-search",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _log_mel(graph: _Graph) -> str:
    """Waveform to log10(1 + 10000 * mel power), shape `(batch, frames, MEL_BANDS)`."""
    basis = graph.constant("fourier_basis", fourier_basis()[:, None, :])
    one_channel = graph.node("Unsqueeze", ["waveform", graph.constant("signal_axis", np.array([1]))], "signal")
    spectrum = graph.node("Conv", [one_channel, basis], "spectrum", kernel_shape=[FFT_SIZE], strides=[HOP])
    squares = graph.node("Mul", [spectrum, spectrum], "squares")
    half = FFT_SIZE // 2 + 1
    parts = graph.constant("parts", np.array([half, half]))
    graph.nodes.append(helper.make_node("Split", [squares, parts], ["real", "imaginary"], name="split", axis=1))
    power = graph.node("Add", ["real", "imaginary"], "power")
    mel = graph.node("MatMul", [graph.constant("mel_filters", mel_filters()), power], "mel")
    compressed = graph.affine(mel, "gain", np.array(LOG_GAIN), np.array(1.0))
    natural = graph.node("Log", [compressed], "natural_log")
    decimal = graph.node("Mul", [natural, graph.constant("per_decade", np.array(1 / math.log(10)))], "log10")
    return graph.node("Transpose", [decimal], "log_mel", perm=[0, 2, 1])


def _network(graph: _Graph, image: str, network: str, variables: Mapping[str, Tensor]) -> str:
    """One tagger: `(batch, 1, frames, bands)` to logits `(batch, tags)`."""
    scale, offset = batch_norm(variables, "batch_normalization")
    normalised = graph.affine(image, f"{network}/input", scale, offset)
    front = [_front_block(graph, normalised, network, variables, layers) for layers in (*_TIMBRAL, *_TEMPORAL)]
    # [timbral 204 + 204, temporal 51 + 51 + 51], then three layers of 64, the later two with residuals.
    stacked = [graph.node("Concat", front, f"{network}/front", axis=1)]
    for layers in _MIDDLE:
        block = _middle_block(graph, stacked[-1], network, variables, layers)
        if len(stacked) > 1:
            block = graph.node("Add", [block, stacked[-1]], f"{network}/{layers[0]}/residual")
        stacked.append(block)
    features = graph.node("Concat", stacked, f"{network}/features", axis=1)
    return _back_end(graph, features, network, variables)


def _front_block(
    graph: _Graph, image: str, network: str, variables: Mapping[str, Tensor], layers: tuple[str, str]
) -> str:
    """Convolution, ReLU, batch norm, maximum over frequency: `(batch, channels, frames)`.

    The batch norm stays behind the ReLU: some of its scales are negative, so it commutes neither with the
    ReLU nor with the maximum.
    """
    convolution, norm = layers
    kernel = variables[f"{convolution}/kernel"]
    frames, bands = kernel.shape[:2]
    # TensorFlow's "same" padding of an even kernel pads one less before than after.
    before, after = (frames - 1) // 2, frames // 2
    name = f"{network}/{convolution}"
    weight = graph.constant(f"{name}/kernel", kernel.astype(np.float64).transpose(3, 2, 0, 1))
    bias = graph.constant(f"{name}/bias", variables[f"{convolution}/bias"].astype(np.float64))
    convolved = graph.node(
        "Conv", [image, weight, bias], name, kernel_shape=[frames, bands], pads=[before, 0, after, 0]
    )
    rectified = graph.node("Relu", [convolved], f"{name}/relu")
    scale, offset = batch_norm(variables, norm)
    normalised = graph.affine(rectified, f"{name}/norm", scale[:, None, None], offset[:, None, None])
    return graph.node("ReduceMax", [normalised], f"{name}/max", axes=[3], keepdims=0)


def _middle_block(
    graph: _Graph, features: str, network: str, variables: Mapping[str, Tensor], layers: tuple[str, str]
) -> str:
    """Convolution along time over all channels, ReLU, batch norm: `(batch, 64, frames)`."""
    convolution, norm = layers
    kernel = variables[f"{convolution}/kernel"][:, :, 0, :]
    name = f"{network}/{convolution}"
    weight = graph.constant(f"{name}/kernel", kernel.astype(np.float64).transpose(2, 1, 0))
    bias = graph.constant(f"{name}/bias", variables[f"{convolution}/bias"].astype(np.float64))
    margin = kernel.shape[0] // 2
    convolved = graph.node(
        "Conv", [features, weight, bias], name, kernel_shape=[kernel.shape[0]], pads=[margin, margin]
    )
    rectified = graph.node("Relu", [convolved], f"{name}/relu")
    scale, offset = batch_norm(variables, norm)
    return graph.affine(rectified, f"{name}/norm", scale[:, None], offset[:, None])


def _back_end(graph: _Graph, features: str, network: str, variables: Mapping[str, Tensor]) -> str:
    """Maximum and mean over time, two dense layers with their batch norms folded in.

    TensorFlow flattens `(channels, 2)`, which interleaves maxima and means; the first dense layer's rows are
    reordered here so that the graph can simply put the means behind the maxima.
    """
    maximum = graph.node("ReduceMax", [features], f"{network}/maximum", axes=[2], keepdims=0)
    mean = graph.node("ReduceMean", [features], f"{network}/mean", axes=[2], keepdims=0)
    pooled = graph.node("Concat", [maximum, mean], f"{network}/pooled", axis=1)
    value = pooled
    for layer, norm in (("dense", "batch_normalization_9"), ("dense_1", "batch_normalization_10")):
        kernel = variables[f"{layer}/kernel"].astype(np.float64)
        scale, offset = batch_norm(variables, norm)
        bias = variables[f"{layer}/bias"] + offset @ kernel
        kernel = scale[:, None] * kernel
        if layer == "dense":
            kernel = np.concatenate([kernel[0::2], kernel[1::2]])
        name = f"{network}/{layer}"
        weights = [graph.constant(f"{name}/kernel", kernel), graph.constant(f"{name}/bias", bias)]
        value = graph.node("Gemm", [value, *weights], name)
        if layer == "dense":
            value = graph.node("Relu", [value], f"{name}/relu")
    return value
