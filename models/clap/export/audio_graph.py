"""CLAP's audio half as one network from samples to a vector, laid out for ONNX Runtime.

The arithmetic is that of `ClapFeatureExtractor` and `ClapAudioModel` in transformers; the layout is not. Tokens lie in
the order of the attention windows from the first layer on, so that only shifted layers and mergings move any; bias,
mask, scale, resampling of the time axis and the discrete Fourier transform are constants of the graph.

Needs torch: this module is for exporting, never for serving.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOOR = 1e-10
"""Least power that is told from silence, -100 dB; the feature extractor's own."""


class LogMel(nn.Module):
    """Windows of samples to log-mel spectrograms, as `ClapFeatureExtractor` makes them.

    The transform is a product with constant matrices, over the bins that some mel filter looks at. A Hann window is
    symmetric, so frames are folded about their middle first: half the multiplications. Its sums are in float64, because
    the logarithm shows what float32 loses beside a loud tone.

    Args:
        extractor: The checkpoint's feature extractor.
    """

    def __init__(self, extractor: Any) -> None:  # noqa: ANN401 - transformers is imported by whoever exports
        super().__init__()
        self.size, self.hop = int(extractor.fft_window_size), int(extractor.hop_length)
        self.frames = int(extractor.nb_max_samples) // self.hop + 1
        filters = np.asarray(extractor.mel_filters_slaney, np.float64)
        used = np.flatnonzero(filters.any(axis=1))
        cosine, sine = _folded_fourier(self.size, np.arange(used[0], used[-1] + 1))
        self.cosine, self.sine = nn.Buffer(torch.from_numpy(cosine)), nn.Buffer(torch.from_numpy(sine))
        self.filters = nn.Buffer(torch.from_numpy(filters[used[0] : used[-1] + 1].astype(np.float32)))

    def forward(self, waveform: Tensor) -> Tensor:
        """(batch, samples) to decibels, (batch, frames, mels)."""
        half = self.size // 2
        # the mirrored ends; ONNX Runtime's own Pad is many times slower here
        start, end = torch.flip(waveform[:, 1 : half + 1], (1,)), torch.flip(waveform[:, -half - 1 : -1], (1,))
        samples = torch.cat([start, waveform, end], dim=1)
        frames = self._cut(samples)
        before, after = frames[..., 1 : half + 1], torch.flip(frames[..., half:], dims=(-1,))
        # the middle sample meets itself; the matrices give it half its weight
        real = torch.matmul((before + after).double(), self.cosine)
        imaginary = torch.matmul((before - after).double(), self.sine)
        power = (real * real + imaginary * imaginary).float()
        return 10 * torch.log10(torch.clamp(torch.matmul(power, self.filters), min=_FLOOR))

    def _cut(self, samples: Tensor) -> Tensor:
        """Overlapping frames, joined from blocks of one hop: nothing is gathered sample by sample."""
        per_frame = -(-self.size // self.hop)
        missing = (self.frames - 1 + per_frame) * self.hop - ((self.frames - 1) * self.hop + self.size)
        blocks = functional.pad(samples, (0, missing)).reshape(-1, self.frames - 1 + per_frame, self.hop)
        parts = [blocks[:, first : first + self.frames] for first in range(per_frame)]
        parts[-1] = parts[-1][..., : self.size - (per_frame - 1) * self.hop]
        return torch.cat(parts, dim=-1)


def _folded_fourier(size: int, bins: NDArray[np.int_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrices of the transform of a folded frame, shape (size / 2, bins), the periodic Hann window included."""
    sample = np.arange(1, size // 2 + 1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * sample / size)
    window[-1] /= 2
    angle = 2 * np.pi * np.outer(sample, bins) / size
    return window[:, None] * np.cos(angle), window[:, None] * np.sin(angle)


class WindowAttention(nn.Module):
    """Attention within the windows of one layer.

    Args:
        source: The layer's `ClapAudioSelfAttention` and output.
        windows: Windows in a picture.
        mask: What to add to the scores of shifted windows, (windows, tokens, tokens), or None.
    """

    def __init__(self, source: Any, windows: int, mask: Tensor | None) -> None:  # noqa: ANN401 - as above
        super().__init__()
        own = source.self
        self.heads, self.width, self.windows = own.num_attention_heads, own.attention_head_size, windows
        self.tokens = own.window_size[0] * own.window_size[1]
        parts = (own.query, own.key, own.value)
        scale = self.width**-0.5
        weight = torch.cat([own.query.weight * scale, own.key.weight, own.value.weight])
        biases = [torch.zeros(part.out_features) if part.bias is None else part.bias for part in parts]
        self.weight = nn.Buffer(weight.t().contiguous())
        self.bias = nn.Buffer(torch.cat([biases[0] * scale, *biases[1:]]))
        table = own.relative_position_bias_table[own.relative_position_index.view(-1)]
        scores = table.view(self.tokens, self.tokens, -1).permute(2, 0, 1).unsqueeze(0)
        if mask is not None:
            scores = scores + mask.unsqueeze(1)
        self.scores = nn.Buffer(scores.contiguous())
        self.output = source.output.dense

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, windows * tokens, channels) to the same shape."""
        joint = torch.matmul(tokens, self.weight) + self.bias
        parts = joint.reshape(-1, self.windows, self.tokens, 3, self.heads, self.width).permute(3, 0, 1, 4, 2, 5)
        scores = torch.matmul(parts[0], parts[1].transpose(-1, -2)) + self.scores
        mixed = torch.matmul(torch.softmax(scores, dim=-1), parts[2])
        joined = mixed.permute(0, 1, 3, 2, 4).reshape(-1, self.windows * self.tokens, self.heads * self.width)
        result: Tensor = self.output(joined)
        return result


class Layer(nn.Module):
    """One transformer layer on tokens in the order of the unshifted windows."""

    def __init__(self, source: Any, side: int, window: int, shift: int) -> None:  # noqa: ANN401 - as above
        super().__init__()
        order = _window_order(side, window)
        mask = None
        self.shifted = shift > 0
        if self.shifted:
            rolled = np.roll(np.arange(side * side).reshape(side, side), (-shift, -shift), (0, 1)).reshape(-1)[order]
            place = np.argsort(order)
            self.shift = nn.Buffer(torch.from_numpy(place[rolled]))
            self.restore = nn.Buffer(torch.from_numpy(np.argsort(place[rolled])))
            # -100 in the original, which leaves weights that are denormal numbers: slow to multiply by, nothing else
            mask = 100 * source.get_attn_mask(side, side, torch.float32, torch.device("cpu"))
        self.before, self.after = source.layernorm_before, source.layernorm_after
        self.attention = WindowAttention(source.attention, (side // window) ** 2, mask)
        self.wide, self.activation, self.narrow = (
            source.intermediate.dense,
            source.intermediate.intermediate_act_fn,
            source.output.dense,
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, tokens, channels) to the same shape."""
        normed = self.before(tokens)
        if self.shifted:
            attended = torch.index_select(self.attention(torch.index_select(normed, 1, self.shift)), 1, self.restore)
        else:
            attended = self.attention(normed)
        tokens = tokens + attended
        result: Tensor = tokens + self.narrow(self.activation(self.wide(self.after(tokens))))
        return result


class Merging(nn.Module):
    """Four neighbouring tokens to one of twice the channels, from one window order to the next."""

    def __init__(self, source: Any, side: int, window: int, next_window: int) -> None:  # noqa: ANN401 - as above
        super().__init__()
        place = np.argsort(_window_order(side, window)).reshape(side, side)
        target = _window_order(side // 2, next_window)
        corners = [place[row::2, column::2].reshape(-1)[target] for column in range(2) for row in range(2)]
        self.corners = nn.Buffer(torch.from_numpy(np.stack(corners, axis=1).reshape(-1)))
        self.tokens = (side // 2) ** 2
        self.norm, self.reduction = source.norm, source.reduction

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, tokens, channels) to (batch, tokens / 4, 2 * channels)."""
        gathered = torch.index_select(tokens, 1, self.corners).reshape(-1, self.tokens, 4 * tokens.shape[2])
        result: Tensor = self.reduction(self.norm(gathered))
        return result


class AudioGraph(nn.Module):
    """Samples to the unit vector, and to the projection before it is scaled to length 1.

    Args:
        model: A `ClapModel` in evaluation mode, without fusion.
        extractor: Its `ClapFeatureExtractor`.

    Raises:
        ValueError: The model's sizes do not fit each other.
    """

    def __init__(self, model: Any, extractor: Any) -> None:  # noqa: ANN401 - as above
        super().__init__()
        encoder = model.audio_model.audio_encoder
        config = encoder.config
        self.log_mel = LogMel(extractor)
        norm = encoder.batch_norm
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        self.gain, self.offset = nn.Buffer(gain), nn.Buffer(norm.bias - norm.running_mean * gain)
        width = config.spec_size * (config.spec_size // config.num_mel_bins)
        self.stretch = nn.Buffer(_bicubic(self.log_mel.frames, width))
        sides = [side for side, _ in encoder.input_resolutions]
        windows = [min(config.window_size, side) for side in sides]
        self.pixels, self.patch, self.patch_bias = _patches(encoder, windows[0])
        self.patch_tokens = encoder.patch_embed.num_patches
        self.patch_norm = encoder.patch_embed.norm
        self.stages = nn.ModuleList(_stages(encoder, windows))
        self.norm = encoder.norm
        left = sides[-1] ** 2
        self.average = nn.Buffer(torch.full((1, left), 1 / left))
        self.projection = model.audio_projection

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, samples) to (batch, dimensions) of length 1, and the same unscaled."""
        spectrum = self.log_mel(waveform) * self.gain + self.offset
        picture = torch.matmul(self.stretch, spectrum).flatten(1)
        patches = torch.index_select(picture, 1, self.pixels).reshape(-1, self.patch_tokens, self.patch.shape[0])
        tokens = self.patch_norm(torch.matmul(patches, self.patch) + self.patch_bias)
        for stage in self.stages:
            tokens = stage(tokens)
        # the mean as a product: ONNX Runtime's own adds up in an order that depends on the size of the batch
        pooled = torch.matmul(self.average, self.norm(tokens)).flatten(1)
        projection = self.projection(pooled)
        return functional.normalize(projection, dim=-1), projection


def _stages(encoder: Any, windows: list[int]) -> list[nn.Module]:  # noqa: ANN401 - as above
    modules: list[nn.Module] = []
    sides = [side for side, _ in encoder.input_resolutions]
    for number, stage in enumerate(encoder.layers):
        side, window = sides[number], windows[number]
        if side % window:
            raise ValueError(f"windows of {window} tokens do not tile a picture of {side}")
        # a picture of one window has nowhere to shift to
        modules.extend(Layer(block, side, window, 0 if side <= window else block.shift_size) for block in stage.blocks)
        if stage.downsample is not None:
            modules.append(Merging(stage.downsample, side, window, windows[number + 1]))
    return modules


def _window_order(side: int, window: int) -> NDArray[np.int_]:
    """Tokens of a square picture in the order of its windows: which raster position stands at each place."""
    raster = np.arange(side * side).reshape(side // window, window, side // window, window)
    return raster.transpose(0, 2, 1, 3).reshape(-1)


def _patches(encoder: Any, window: int) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401 - as above
    """The patch convolution as a product: which pixels each patch takes, weights and bias.

    The spectrogram's time axis is folded into the picture first: a quarter of it below the other, mel bins along the
    other axis.
    """
    config, proj = encoder.config, encoder.patch_embed.proj
    patch = proj.kernel_size[0]
    if proj.kernel_size != proj.stride or proj.kernel_size[0] != proj.kernel_size[1] or proj.in_channels != 1:
        raise ValueError("patches that overlap, or of several channels, are not known")
    fold, mels, size = encoder.freq_ratio, config.num_mel_bins, config.spec_size
    times = np.arange(size * fold * mels).reshape(fold, size, mels)
    picture = times.transpose(0, 2, 1).reshape(size, size)
    side = size // patch
    cut = picture.reshape(side, patch, side, patch).transpose(0, 2, 1, 3).reshape(side * side, patch * patch)
    pixels = torch.from_numpy(cut[_window_order(side, window)].reshape(-1))
    weight = proj.weight.reshape(proj.out_channels, -1).t().contiguous().detach()
    return nn.Buffer(pixels), nn.Buffer(weight), nn.Buffer(proj.bias.detach())


def _bicubic(length: int, wanted: int) -> Tensor:
    """Bicubic stretching of a time axis as a matrix, (wanted, length)."""
    if length == wanted:
        return torch.eye(length)
    if length > wanted:
        raise ValueError(f"{length} frames do not fit into {wanted}")
    unit = torch.eye(length, dtype=torch.float64)[None, None]
    stretched = functional.interpolate(unit, (wanted, length), mode="bicubic", align_corners=True)
    return stretched[0, 0].float()
