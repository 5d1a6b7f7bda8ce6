"""Audio files become waveforms: mono, float32, at the sample rate a model wants.

FFmpeg's demuxers and decoders (through PyAV) read the file. Decoding is single-threaded and the resampler is
fed frame by frame, so on one machine the same file always gives the same bits.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from models import windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

Waveform: TypeAlias = NDArray[np.float32]
"""Mono samples in time order, shape `(samples,)`, nominally within -1 to 1."""

AudioSource: TypeAlias = Path | str | BinaryIO
"""A file's path, or a seekable binary file object. A string is a path, never a URL."""

FORMATS = ("mp3", "flac", "ogg", "opus", "m4a", "wav")
"""The formats that are promised to decode; Opus travels inside Ogg, and AAC or ALAC inside m4a."""

# FFmpeg's names of those containers. The list is closed: FFmpeg also knows playlist formats (hls, concat)
# whose text makes it open other files and addresses, and an upload must never be able to do that. Matroska
# and WebM are in it because phones and browsers record into them.
_DEMUXERS = "mp3,flac,ogg,mov,mp4,m4a,3gp,3g2,mj2,wav,w64,aiff,aac,matroska,webm"

# Containers that state their length in a header, so that a shorter decode means a file that was cut off. The
# length of an MP3 or a raw AAC stream is FFmpeg's guess from the bit rate, and of an Ogg what is there.
_STATED_LENGTH = frozenset({"flac", "mov,mp4,m4a,3gp,3g2,mj2", "wav"})

# A file that lacks more than this many seconds, or this share, of its stated length is broken off. Encoder
# delay and padding account for a few thousand samples either way.
_MISSING_SECONDS = 0.5
_MISSING_SHARE = 0.02

# Nothing above -80 dB of full scale: the noise of a converter, which is not to be blown up into music.
_SILENCE = 1e-4


class AudioError(ValueError):
    """A file that cannot be turned into audio; the message is meant for whoever uploaded it."""


@dataclass(frozen=True, slots=True)
class AudioProperties:
    """What a file says about itself, without decoding it.

    Attributes:
        container: FFmpeg's name of the container, for example `"ogg"`; the m4a family is `"mov,mp4,m4a,..."`.
        codec: FFmpeg's name of the audio codec, for example `"opus"`.
        duration: Length in seconds, or None where the container does not say.
        sample_rate: Stored samples per second, in Hz.
        channels: Number of channels.
    """

    container: str
    codec: str
    duration: float | None
    sample_rate: int
    channels: int


def probe(source: AudioSource) -> AudioProperties:
    """Read a file's headers.

    Args:
        source: A path, or a seekable binary file object (left open, at an undefined position).

    Returns:
        The properties of the first audio stream.

    Raises:
        AudioError: The file is empty, is not audio, or has no audio stream.
        OSError: The path cannot be read.
    """
    with _open_stream(source) as (container, stream):
        return AudioProperties(
            container=container.format.name,
            codec=stream.codec_context.name,
            duration=_stated_duration(container, stream),
            sample_rate=stream.codec_context.sample_rate,
            channels=stream.codec_context.layout.nb_channels,
        )


def decode(source: AudioSource, sample_rate: int, *, max_seconds: float | None = None) -> Waveform:
    """Decode a file to one mono waveform.

    Channels are averaged with equal weights. A damaged packet in the middle is left out, as players do; a
    file that ends well before its header says is refused.

    Args:
        source: A path, or a seekable binary file object (left open, at an undefined position).
        sample_rate: Samples per second of the result, in Hz.
        max_seconds: Stop after this many seconds of audio. None decodes the whole file.

    Returns:
        float32 samples, shape `(samples,)`, at least one.

    Raises:
        AudioError: The file is empty, not audio, broken off, holds no samples, or holds samples that are not
            finite numbers.
        OSError: The path cannot be read.
        ValueError: `sample_rate` or `max_seconds` is not positive.
    """
    if sample_rate <= 0:
        raise ValueError(f"sample_rate must be positive, not {sample_rate}")
    if max_seconds is not None and not max_seconds > 0:
        raise ValueError(f"max_seconds must be positive, not {max_seconds}")
    limit = None if max_seconds is None else max(1, round(max_seconds * sample_rate))
    with _open_stream(source) as (container, stream):
        waveform = _collect(_mono_chunks(container, stream, sample_rate), limit)
        if limit is None or waveform.size < limit:
            _refuse_broken_off(container, stream, waveform.size / sample_rate)
    if waveform.size == 0:
        raise AudioError("the audio is empty")
    _require_numbers(waveform)
    return waveform


def decode_windows(source: AudioSource, sample_rate: int, *, size: int, hop: int, most: int) -> Iterator[Waveform]:
    """Decode a file to windows over the whole of it after its leading silence, whose number is bounded.

    A file that fits is decoded once and kept. One that is longer than `most` windows is decoded twice: to learn its
    length, and to take the windows out of it as they come by; only one is in memory then.

    Args:
        source: A path, or a seekable binary file object (left open, at an undefined position).
        sample_rate: Samples per second of the windows, in Hz.
        size: Samples in a window.
        hop: Samples between the beginnings of neighbouring windows.
        most: Windows at most; more are spread evenly, as `models.windows.spread_starts` says.

    Yields:
        float32 samples, shape `(size,)`; audio shorter than that is repeated and padded. Of nothing but silence, one
        window of zeros.

    Raises:
        AudioError: As `decode`.
        OSError: The path cannot be read.
    """
    kept, length, silent = _keep_or_count(source, sample_rate, size + (most - 1) * hop)
    if length == 0:
        if silent == 0:
            raise AudioError("the audio is empty")
        yield np.zeros(size, np.float32)
        return
    if kept is None:
        yield from _take_windows(source, sample_rate, windows.spread_starts(length, size, hop, most), size)
        return
    _require_numbers(kept)
    if length < size:
        yield windows.repeat_and_pad(kept, size)
        return
    for start in windows.spread_starts(length, size, hop, most):
        yield kept[start : start + size]


def _keep_or_count(source: AudioSource, sample_rate: int, limit: int) -> tuple[Waveform | None, int, int]:
    """What follows silence, or None when it has more samples than `limit`; how many it has, and how many are silent."""
    # the operating system gives memory to what is written to, not to what is asked for
    kept: Waveform | None = np.empty(limit, np.float32)
    length = 0
    with _open_stream(source) as (container, stream):
        sound = windows.AfterSilence(_mono_chunks(container, stream, sample_rate))
        for chunk in sound:
            if length + chunk.size > limit:
                kept = None
            if kept is not None:
                kept[length : length + chunk.size] = chunk
            length += chunk.size
        _refuse_broken_off(container, stream, (sound.skipped + length) / sample_rate)
    return (None if kept is None else kept[:length]), length, sound.skipped


def _take_windows(source: AudioSource, sample_rate: int, starts: list[int], size: int) -> Iterator[Waveform]:
    """The windows of a long file, from a second decoding of it; a window may overlap the one before."""
    with _open_stream(source) as (container, stream):
        held, first = np.empty(0, np.float32), 0
        chunks = iter(windows.AfterSilence(_mono_chunks(container, stream, sample_rate)))
        for start in starts:
            # what lies before this window is done with
            held, first = held[max(0, start - first) :], max(first, min(start, first + held.size))
            parts, count = [held], held.size
            while first + count < start + size:
                chunk = next(chunks, None)
                if chunk is None:
                    raise AudioError("the file changed while it was read")
                if first + count + chunk.size <= start:
                    parts, first, count = [], first + count + chunk.size, 0
                    continue
                parts.append(chunk)
                count += chunk.size
            held = np.concatenate(parts)
            window = held[start - first : start - first + size]
            _require_numbers(window)
            yield window


def _require_numbers(waveform: Waveform) -> None:
    if not np.isfinite(waveform).all():
        raise AudioError("the audio holds samples that are not numbers")


def normalise_peak(waveform: Waveform, peak: float) -> Waveform:
    """Scale a waveform so that its loudest sample has a given magnitude.

    Models hear the same recording differently at another volume. The peak is taken rather than the mean power, so that
    a dense master still sounds denser than a sparse one.

    Args:
        waveform: Samples, shape `(samples,)`, at least one.
        peak: Magnitude of the loudest sample of the result; 1 is full scale.

    Returns:
        A new waveform; or the same one where there is nothing but silence.
    """
    loudest = float(np.abs(waveform).max())
    if loudest < _SILENCE:
        return waveform
    scaled: Waveform = waveform * np.float32(peak / loudest)
    return scaled


@contextmanager
def _open_stream(source: AudioSource) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open a source and its first audio stream; every PyAV error leaves here as an AudioError."""
    if isinstance(source, Path | str):
        with Path(source).open("rb") as file, _open_stream(file) as opened:
            yield opened
        return
    if source.seek(0, SEEK_END) == 0:
        raise AudioError("the file is empty")
    source.seek(0)
    options = {"format_whitelist": _DEMUXERS}
    try:
        # Tags in a legacy encoding are no reason to refuse the music.
        with av.open(source, "r", options=options, metadata_errors="replace") as container:
            if not container.streams.audio:
                raise AudioError("no audio stream in the file")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise AudioError("the audio is in a codec that cannot be decoded")
            stream.codec_context.thread_count = 1
            yield container, stream
    except av.FFmpegError as error:
        raise AudioError(_reason(source)) from error


def _reason(source: BinaryIO) -> str:
    """Say why FFmpeg could not open or read a source."""
    source.seek(0)
    if source.read(8)[4:] == b"ftyp":
        # The m4a family keeps its index at the end as often as not, and nothing decodes without it.
        return "the file breaks off before its index"
    return f"not an audio file that can be decoded (tried {', '.join(FORMATS)})"


def _mono_chunks(container: InputContainer, stream: AudioStream, sample_rate: int) -> Iterator[Waveform]:
    """Resample channel by channel and average the channels, frame by frame; flush at the end."""
    resampler: AudioResampler | None = None
    shape: tuple[str, str, int] | None = None
    for frame in _frames(container, stream):
        found = (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler is None or found != shape:
            # Chained Ogg streams may change their layout or rate midway, which one resampler cannot follow.
            if resampler is not None:
                yield from map(_downmix, resampler.resample(None))
            resampler, shape = AudioResampler(format="fltp", layout=frame.layout, rate=sample_rate), found
        yield from map(_downmix, resampler.resample(frame))
    if resampler is not None:
        yield from map(_downmix, resampler.resample(None))


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Decode packet by packet, leaving out the packets that are damaged."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
            frames = packet.decode()
        except StopIteration:
            return
        except av.EOFError:
            return
        except av.InvalidDataError:
            continue
        yield from (frame for frame in frames if frame.samples)


def _downmix(frame: AudioFrame) -> Waveform:
    """Mean over channels of a planar float frame, shape `(samples,)`."""
    planes = np.asarray(frame.to_ndarray(), np.float32)
    mono: Waveform = planes.mean(axis=0, dtype=np.float32)
    return mono


def _collect(chunks: Iterator[Waveform], limit: int | None) -> Waveform:
    """Join chunks, stopping at `limit` samples."""
    kept: list[Waveform] = []
    count = 0
    for chunk in chunks:
        kept.append(chunk)
        count += chunk.size
        if limit is not None and count >= limit:
            break
    return np.concatenate(kept)[:limit] if kept else np.empty(0, np.float32)


def _stated_duration(container: InputContainer, stream: AudioStream) -> float | None:
    """Seconds by the stream's header, else by the container's."""
    ticks, seconds_per_tick = stream.duration, stream.time_base
    if ticks is not None and seconds_per_tick is not None:
        return float(ticks * seconds_per_tick)
    if container.duration is not None:
        return container.duration / av.time_base
    return None


def _refuse_broken_off(container: InputContainer, stream: AudioStream, seconds: float) -> None:
    """Raise when a file holds clearly less audio than its header states."""
    stated = _stated_duration(container, stream)
    if container.format.name not in _STATED_LENGTH or stated is None:
        return
    if stated - seconds > max(_MISSING_SECONDS, _MISSING_SHARE * stated):
        raise AudioError(f"the file breaks off after {seconds:.1f} of {stated:.1f} seconds")
