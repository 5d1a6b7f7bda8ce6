"""Audio for the tests: tones and chirps, encoded on the spot, and recordings of the sample library."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
import numpy as np
from immich_memories_music import tracks_dir

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CONTAINERS = {
    "mp3": ("mp3", "libmp3lame", 44_100),
    "flac": ("flac", "flac", 44_100),
    "ogg": ("ogg", "vorbis", 44_100),
    "opus": ("ogg", "libopus", 48_000),
    "m4a": ("ipod", "aac", 44_100),
    "wav": ("wav", "pcm_s16le", 44_100),
}
"""File ending to FFmpeg's container, encoder and a sample rate in Hz that the encoder takes."""


def sample(name: str) -> Path:
    """Path of a recording, for example `"calm_acoustic_1"`."""
    return tracks_dir() / name.partition("_")[0] / f"{name}.opus"


def read_stereo(name: str, rate: int) -> NDArray[np.float32]:
    """Both channels of a recording, shape (2, samples)."""
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=rate)
    with av.open(str(sample(name))) as file:
        frames = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([np.asarray(frame.to_ndarray(), np.float32) for frame in frames], axis=1)


def chirp(seconds: float, rate: int, start: float = 60.0, slope: float = 400.0) -> NDArray[np.float32]:
    """A tone that rises from `start` Hz by twice `slope` Hz a second, at half of full scale."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (start * time + slope * time**2))).astype(np.float32)


def encode(channels: NDArray[np.float32], ending: str) -> bytes:
    """Encode `(channels, samples)` as one of `CONTAINERS`."""
    container, codec, rate = CONTAINERS[ending]
    return write(channels, container, codec, rate)


def write(channels: NDArray[np.float32], container: str, codec: str, rate: int, bit_rate: int | None = None) -> bytes:
    """Encode `(channels, samples)` with FFmpeg, at bits a second or as the encoder likes."""
    layout = "mono" if len(channels) == 1 else "stereo"
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        # FFmpeg calls its own Vorbis encoder experimental.
        stream = output.add_stream(codec, rate=rate, layout=layout, options={"strict": "experimental"})
        assert isinstance(stream, av.AudioStream)
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
