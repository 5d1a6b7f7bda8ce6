"""Encoding samples with FFmpeg, in every format that is taken."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTAINERS = {
    "mp3": ("mp3", "libmp3lame", 44_100),
    "flac": ("flac", "flac", 44_100),
    "ogg": ("ogg", "vorbis", 44_100),
    "opus": ("ogg", "libopus", 48_000),
    "m4a": ("ipod", "aac", 44_100),
    "wav": ("wav", "pcm_s16le", 44_100),
    "aiff": ("aiff", "pcm_s16be", 44_100),
    "aac": ("adts", "aac", 44_100),
    "webm": ("webm", "libopus", 48_000),
}
"""File type to FFmpeg's container, encoder and a sample rate in Hz that the encoder takes."""


def encode(channels: NDArray[np.float32], file_type: str) -> bytes:
    """Encode `(channels, samples)` as one of `CONTAINERS`."""
    container, codec, rate = CONTAINERS[file_type]
    return write(channels, container, codec, rate)


def write(channels: NDArray[np.float32], container: str, codec: str, rate: int, bit_rate: int | None = None) -> bytes:
    """Encode `(channels, samples)` with FFmpeg, at bits a second or as the encoder likes."""
    layout = "mono" if len(channels) == 1 else "stereo"
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        # FFmpeg calls its own Vorbis encoder experimental.
        stream = output.add_stream(codec, rate=rate, layout=layout, options={"strict": "experimental"})
        assert isinstance(stream, av.AudioStream)  # noqa: S101 - tells the type checker
        context = stream.codec_context
        if bit_rate is not None:
            context.bit_rate = bit_rate
        resampler = av.AudioResampler(
            format=context.format, layout=layout, rate=rate, frame_size=context.frame_size or None
        )
        frames = []
        if channels.shape[1]:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), format="fltp", layout=layout)
            frame.sample_rate = rate
            frames = [*resampler.resample(frame), *resampler.resample(None)]
        for piece in [*frames, None]:
            output.mux(stream.encode(piece))
    return file.getvalue()
