"""Sound files through FFmpeg (PyAV): what they are, and their samples. Only `models.audio.decoder_child` runs it.

Decoding is single-threaded and the resampler is fed frame by frame, so on one machine the same file always gives the
same bits.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from io import SEEK_END
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

import av
import numpy as np
from av.audio.resampler import AudioResampler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

    from models.audio.waveform import Waveform

FORMATS = ("mp3", "flac", "ogg", "opus", "m4a", "wav", "aiff", "aac", "webm")
"""The formats that are promised to decode; Opus travels inside Ogg or WebM, and AAC or ALAC inside m4a."""

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

_TYPES = {
    "mp3": "mp3", "flac": "flac", "ogg": "ogg", "wav": "wav", "w64": "wav", "aiff": "aiff", "aac": "aac",
    "mov,mp4,m4a,3gp,3g2,mj2": "m4a", "matroska,webm": "webm",
}  # fmt: skip
"""File type by FFmpeg's name of the container."""

_MOST_CHANNELS = 64
"""FFmpeg's own codecs have so many at most."""

_MOST_PLANES = 7
"""A frame points to eight planes, and PyAV reads on until it finds one that is missing: with eight, beyond them."""

_LOWEST_RATE, _HIGHEST_RATE = 1_000, 768_000
"""Hz. Telephones have 8,000 and studios 384,000; what lies outside is a damaged header."""

_MOST_CHANGES = 100
"""Changes of format in a file. A chain of recordings has a few; each costs a new resampler, some milliseconds."""

_FRAMES_TRIED = 64
"""Packets in which sound must begin for a file to count as audio."""


class AudioError(ValueError):
    """A file that cannot be turned into audio; the message is meant for the person who uploaded it."""


@dataclass(frozen=True, slots=True)
class AudioProperties:
    """What a file says about itself, without decoding it.

    Attributes:
        container: FFmpeg's name of the container, for example `"ogg"`; the m4a family is `"mov,mp4,m4a,..."`.
        codec: FFmpeg's name of the audio codec, for example `"opus"`.
        duration: Length in seconds, or None where the container does not say.
        sample_rate: Stored samples per second, in Hz.
        channels: Number of channels.
        file_type: One of `FORMATS`.
    """

    container: str
    codec: str
    duration: float | None
    sample_rate: int
    channels: int
    file_type: str


class SoundFile:
    """The first audio stream of an open file.

    Args:
        container: The file.
        stream: Of the file.
    """

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        self._container = container
        self._stream = stream
        self.values = 0
        """Values that were decoded so far: samples of each channel, at the file's own rate."""

    @property
    def properties(self) -> AudioProperties:
        """What the file says about itself, and what it is."""
        context, container = self._stream.codec_context, self._container.format.name
        file_type = _TYPES[container]
        return AudioProperties(
            container=container,
            codec=context.name,
            duration=self._stated_duration(),
            sample_rate=context.sample_rate,
            channels=context.layout.nb_channels,
            file_type="opus" if (file_type, context.name) in {("ogg", "opus"), ("ogg", "libopus")} else file_type,
        )

    def require_sound(self) -> None:
        """Decode the beginning.

        Raises:
            AudioError: There are no samples in it.
        """
        if not any(frame.samples for frame in islice(self._frames(), _FRAMES_TRIED)):
            raise AudioError("the file holds no audio that can be decoded")

    def samples(self, sample_rate: int, most: int | None) -> Iterator[Waveform]:
        """Mono samples: resampled channel by channel, then averaged, frame by frame.

        A damaged packet in the middle is left out, as players do.

        Args:
            sample_rate: Of the result, in Hz.
            most: Samples at most; None for all.

        Yields:
            Chunks, each of shape `(samples,)`.

        Raises:
            AudioError: The file ends well before its header says, unless `most` were read; or it changes its format
                again and again.
        """
        count = 0
        for chunk in self._mono_chunks(sample_rate):
            wanted = chunk if most is None else chunk[: most - count]
            count += wanted.size
            yield wanted
            if count == most:
                return
        self._refuse_broken_off(count / sample_rate)

    def _mono_chunks(self, sample_rate: int) -> Iterator[Waveform]:
        resampler: AudioResampler | None = None
        shape: tuple[str, str, int] | None = None
        changes = 0
        for frame in self._frames():
            found = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or found != shape:
                # Chained Ogg streams may change their layout or rate midway, which one resampler cannot follow.
                if resampler is not None:
                    changes += 1
                    if changes > _MOST_CHANGES:
                        raise AudioError(f"its sample rate or channels change more than {_MOST_CHANGES} times")
                    yield from map(_downmix, resampler.resample(None))
                _refuse_absurd(frame.sample_rate, frame.layout.nb_channels)
                packing = "fltp" if frame.layout.nb_channels <= _MOST_PLANES else "flt"
                resampler, shape = AudioResampler(format=packing, layout=frame.layout, rate=sample_rate), found
            yield from map(_downmix, resampler.resample(frame))
        if resampler is not None:
            yield from map(_downmix, resampler.resample(None))

    def _frames(self) -> Iterator[AudioFrame]:
        """Decode packet by packet, leaving out the packets that are damaged."""
        packets = self._container.demux(self._stream)
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
            for frame in frames:
                self.values += frame.samples * frame.layout.nb_channels
                if frame.samples:
                    yield frame

    def _stated_duration(self) -> float | None:
        """Seconds by the stream's header, else by the container's."""
        ticks, seconds_per_tick = self._stream.duration, self._stream.time_base
        if ticks is not None and seconds_per_tick is not None:
            return float(ticks * seconds_per_tick)
        if self._container.duration is not None:
            return self._container.duration / av.time_base
        return None

    def _refuse_broken_off(self, seconds: float) -> None:
        """Raise when a file holds clearly less audio than its header states."""
        stated = self._stated_duration()
        if self._container.format.name not in _STATED_LENGTH or stated is None:
            return
        if stated - seconds > max(_MISSING_SECONDS, _MISSING_SHARE * stated):
            raise AudioError(f"the file breaks off after {seconds:.1f} of {stated:.1f} seconds")


@contextmanager
def open_sound(source: BinaryIO) -> Iterator[SoundFile]:
    """Open a file and its first audio stream; every PyAV error leaves here as an AudioError.

    Args:
        source: Seekable; left open.

    Raises:
        AudioError: It is empty, is not audio, or has no audio stream; or whatever the block's decoding fails with.
    """
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
            context = stream.codec_context
            _refuse_absurd(context.sample_rate, context.layout.nb_channels)
            yield SoundFile(container, stream)
    except av.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        raise AudioError(_reason(source)) from error


def _refuse_absurd(sample_rate: int, channels: int) -> None:
    # some headers leave it to the first frame, and have zeros here
    if channels > _MOST_CHANNELS:
        raise AudioError(f"the audio has {channels} channels by its header, at most {_MOST_CHANNELS} are read")
    if sample_rate and not _LOWEST_RATE <= sample_rate <= _HIGHEST_RATE:
        raise AudioError(f"the audio has {sample_rate} samples a second by its header, which no recording has")


def _reason(source: BinaryIO) -> str:
    """Say why FFmpeg could not open or read a source."""
    source.seek(0)
    if source.read(8)[4:] == b"ftyp":
        # The m4a family keeps its index at the end as often as not, and nothing decodes without it.
        return "the file breaks off before its index"
    return f"not an audio file that can be decoded (tried {', '.join(FORMATS)})"


def _downmix(frame: AudioFrame) -> Waveform:
    """Mean over channels of a float frame, shape `(samples,)`."""
    channels = np.asarray(frame.to_ndarray(), np.float32)
    if not frame.format.is_planar:
        channels = channels.reshape(-1, frame.layout.nb_channels).T
    mono: Waveform = channels.mean(axis=0, dtype=np.float32)
    return mono
