"""musicnn's forward pass in float64 numpy, layer by layer, in TensorFlow's own layout.

It folds nothing, reorders nothing and shares no code with the ONNX graph, which makes it a second opinion on
the conversion: slow, and easy to check against the layer definitions of the `musicnn` package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.build_models.tf_checkpoint import Tensor

Array = NDArray[np.float64]


def reference_logits(log_mel: Array, variables: Mapping[str, Tensor]) -> Array:
    """Run one network on one patch.

    Args:
        log_mel: log10(1 + 10000 * mel power), shape `(frames, 96)`.
        variables: The network's variables by their TensorFlow names.

    Returns:
        Logits, shape `(tags,)`.
    """
    layers = _Layers(variables)
    image = layers.batch_norm(log_mel[:, :, None])
    padded = _pad_time(image, 3, 3)
    timbral = [layers.convolve(padded).max(axis=1) for _ in range(2)]
    temporal = [layers.convolve(_pad_time(image, frames // 2 - 1, frames // 2)).max(axis=1) for frames in (128, 64, 32)]
    front = np.concatenate([*timbral, *temporal], axis=1)
    first = layers.convolve(_pad_time(front[:, :, None], 3, 3))[:, 0, :]
    second = layers.convolve(_pad_time(first[:, :, None], 3, 3))[:, 0, :] + first
    third = layers.convolve(_pad_time(second[:, :, None], 3, 3))[:, 0, :] + second
    features = np.concatenate([front, first, second, third], axis=1)
    pooled = np.stack([features.max(axis=0), features.mean(axis=0)], axis=1).reshape(-1)
    hidden = np.maximum(layers.dense(layers.batch_norm(pooled)), 0.0)
    return layers.dense(layers.batch_norm(hidden))


class _Layers:
    """Layers in order of creation, numbered as TensorFlow numbers them: `conv2d`, `conv2d_1`, ..."""

    def __init__(self, variables: Mapping[str, Tensor]) -> None:
        self._variables = variables
        self._counts = {"conv2d": 0, "batch_normalization": 0, "dense": 0}

    def _next(self, kind: str, *parts: str) -> list[Array]:
        number = self._counts[kind]
        self._counts[kind] += 1
        name = kind if number == 0 else f"{kind}_{number}"
        return [self._variables[f"{name}/{part}"].astype(np.float64) for part in parts]

    def batch_norm(self, value: Array) -> Array:
        """Normalise the last axis by its moving statistics; epsilon is TensorFlow's default, 1e-3."""
        gamma, beta, mean, variance = self._next(
            "batch_normalization", "gamma", "beta", "moving_mean", "moving_variance"
        )
        normalised: Array = (value - mean) / np.sqrt(variance + 1e-3) * gamma + beta
        return normalised

    def convolve(self, image: Array) -> Array:
        """Valid convolution of `(time, frequency, channels)`, then ReLU, then batch norm."""
        kernel, bias = self._next("conv2d", "kernel", "bias")
        patches = sliding_window_view(image, kernel.shape[:2], axis=(0, 1))
        convolved = np.tensordot(patches, kernel, axes=([3, 4, 2], [0, 1, 2])) + bias
        return self.batch_norm(np.maximum(convolved, 0.0))

    def dense(self, value: Array) -> Array:
        """Fully connected layer without activation."""
        kernel, bias = self._next("dense", "kernel", "bias")
        connected: Array = value @ kernel + bias
        return connected


def _pad_time(image: Array, before: int, after: int) -> Array:
    """Put zeros before and after the first axis."""
    return np.pad(image, ((before, after), (0, 0), (0, 0)))
