"""Audio files become waveforms: mono, float32, at the sample rate a model wants.

What people upload is decoded in a process of its own (`models.audio.decoder`): a file that makes FFmpeg crash or
spin takes nothing else with it. On one machine the same file always gives the same bits.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np

from models.audio import windows
from models.audio.decoder import DecoderCrashedError, DecoderLimits, decoding, describe, missing_protections
from models.audio.sound_file import FORMATS, AudioError, AudioProperties
from models.audio.waveform import Waveform

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "FORMATS",
    "AudioError",
    "AudioProperties",
    "AudioSource",
    "DecoderCrashedError",
    "DecoderLimits",
    "Waveform",
    "decode",
    "decode_windows",
    "identify",
    "missing_protections",
    "normalise_peak",
    "probe",
]

AudioSource: TypeAlias = Path | str | BinaryIO
"""A file's path, or a seekable binary file object. A string is a path, never a URL."""

# Nothing above -80 dB of full scale: the noise of a converter, which is not to be blown up into music.
_SILENCE = 1e-4

_MOST_KEPT = 2**28
"""Samples that are kept where the caller names no length: 1 GiB."""


def probe(source: AudioSource, *, limits: DecoderLimits = DecoderLimits()) -> AudioProperties:  # noqa: B008 - frozen
    """Read a file's headers.

    Args:
        source: A path, or a seekable binary file object (left open, at an undefined position).
        limits: What the decoder may take.

    Returns:
        The properties of the first audio stream.

    Raises:
        AudioError: The file is empty, is not audio, or has no audio stream.
        DecoderCrashedError: The decoder died on it.
        OSError: The path cannot be read.
    """
    with _opened(source) as file:
        return describe(file, limits, require_sound=False)


def identify(source: AudioSource, *, limits: DecoderLimits = DecoderLimits()) -> AudioProperties:  # noqa: B008 - frozen
    """Tell what a file is by its content, of which the beginning is decoded.

    Args:
        source: A path, or a seekable binary file object (left open, at an undefined position).
        limits: What the decoder may take.

    Raises:
        AudioError: It is not audio, or nothing in its beginning can be decoded.
        DecoderCrashedError: The decoder died on it.
        OSError: The path cannot be read.
    """
    with _opened(source) as file:
        return describe(file, limits, require_sound=True)


def decode(
    source: AudioSource,
    sample_rate: int,
    *,
    max_seconds: float | None = None,
    limits: DecoderLimits = DecoderLimits(),  # noqa: B008 - frozen
) -> Waveform:
    """Decode a file to one mono waveform.

    Channels are averaged with equal weights. A damaged packet in the middle is left out, as players do; a
    file that ends well before its header says is refused.

    Args:
        source: A path, or a seekable binary file object (left open, at an undefined position).
        sample_rate: Samples per second of the result, in Hz.
        max_seconds: Stop after this many seconds of audio. None decodes the whole file.
        limits: What the decoder may take.

    Returns:
        float32 samples, shape `(samples,)`, at least one.

    Raises:
        AudioError: The file is empty, not audio, broken off, holds no samples, or holds samples that are not
            finite numbers; or it has more than 2**28 samples and `max_seconds` is None.
        DecoderCrashedError: The decoder died on it.
        OSError: The path cannot be read.
        ValueError: `sample_rate` or `max_seconds` is not positive.
    """
    if sample_rate <= 0:
        raise ValueError(f"sample_rate must be positive, not {sample_rate}")
    if max_seconds is not None and not max_seconds > 0:
        raise ValueError(f"max_seconds must be positive, not {max_seconds}")
    limit = None if max_seconds is None else max(1, round(max_seconds * sample_rate))
    with _opened(source) as file, decoding(file, sample_rate, limits, most=limit) as chunks:
        waveform = _collect(chunks, _MOST_KEPT if limit is None else limit)
    if waveform.size == 0:
        raise AudioError("the audio is empty")
    _require_numbers(waveform)
    return waveform


def _collect(chunks: Iterator[Waveform], most: int) -> Waveform:
    parts: list[Waveform] = []
    count = 0
    for chunk in chunks:
        count += chunk.size
        if count > most:
            raise AudioError(f"the audio has more than {most} samples")
        parts.append(chunk)
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def decode_windows(  # noqa: PLR0913 - how windows are cut, and what it may take
    source: AudioSource,
    sample_rate: int,
    *,
    size: int,
    hop: int,
    most: int,
    limits: DecoderLimits = DecoderLimits(),  # noqa: B008 - frozen
) -> Iterator[Waveform]:
    """Decode a file to windows over the whole of it after its leading silence, whose number is bounded.

    A file that fits is decoded once and kept. One that is longer than `most` windows is decoded twice: to learn its
    length, and to take the windows out of it as they come by; only one is in memory then.

    Args:
        source: A path, or a seekable binary file object (left open, at an undefined position).
        sample_rate: Samples per second of the windows, in Hz.
        size: Samples in a window.
        hop: Samples between the beginnings of neighbouring windows.
        most: Windows at most; more are spread evenly, as `models.audio.windows.spread_starts` says.
        limits: What the decoder may take.

    Yields:
        float32 samples, shape `(size,)`; audio shorter than that is repeated and padded. Of nothing but silence, one
        window of zeros.

    Raises:
        AudioError: As `decode`.
        DecoderCrashedError: Likewise.
        OSError: The path cannot be read.
    """
    kept, length, silent = _keep_or_count(source, sample_rate, size + (most - 1) * hop, limits)
    if length == 0:
        if silent == 0:
            raise AudioError("the audio is empty")
        yield np.zeros(size, np.float32)
        return
    if kept is None:
        yield from _take_windows(source, sample_rate, windows.spread_starts(length, size, hop, most), size, limits)
        return
    _require_numbers(kept)
    if length < size:
        yield windows.repeat_and_pad(kept, size)
        return
    for start in windows.spread_starts(length, size, hop, most):
        yield kept[start : start + size]


def _keep_or_count(
    source: AudioSource, sample_rate: int, limit: int, limits: DecoderLimits
) -> tuple[Waveform | None, int, int]:
    """What follows silence, or None when it has more samples than `limit`; how many it has, and how many are silent."""
    # the operating system gives memory to what is written to, not to what is asked for
    kept: Waveform | None = np.empty(limit, np.float32)
    length = 0
    with _opened(source) as file, decoding(file, sample_rate, limits) as chunks:
        sound = windows.AfterSilence(chunks)
        for chunk in sound:
            if length + chunk.size > limit:
                kept = None
            if kept is not None:
                kept[length : length + chunk.size] = chunk
            length += chunk.size
    return (None if kept is None else kept[:length]), length, sound.skipped


def _take_windows(
    source: AudioSource, sample_rate: int, starts: list[int], size: int, limits: DecoderLimits
) -> Iterator[Waveform]:
    """The windows of a long file, from a second decoding of it; a window may overlap the one before."""
    with _opened(source) as file, decoding(file, sample_rate, limits) as decoded:
        held, first = np.empty(0, np.float32), 0
        chunks = iter(windows.AfterSilence(decoded))
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
def _opened(source: AudioSource) -> Iterator[BinaryIO]:
    if isinstance(source, Path | str):
        with Path(source).open("rb") as file:
            yield file
    else:
        yield source
