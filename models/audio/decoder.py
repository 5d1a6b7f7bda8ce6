"""Decoding in processes of their own, which can be killed.

A file that a stranger sends may crash a decoder, keep it busy without end, or make it take all memory. So a child
process decodes (`models.audio.decoder_child`): it asks for the file's bytes, opens nothing itself, and is killed when
it takes too long. Idle children are kept for the next file, because starting one takes longer than most files.
"""

from __future__ import annotations

import atexit
import json
import logging
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from models.audio.abandonment import current_abandonment
from models.audio.decoder_child import CHUNK_SAMPLES
from models.audio.decoder_process import DecoderCrashedError, DecoderLimits, DecoderProcess
from models.audio.sound_file import FORMATS, AudioError, AudioProperties

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from models.audio.abandonment import Abandonment
    from models.audio.waveform import Waveform

__all__ = [
    "DecoderCrashedError",
    "DecoderLimits",
    "decoding",
    "describe",
    "end_idle_decoders",
    "missing_protections",
]

_log = logging.getLogger(__name__)

_MOST_IDLE = 4

_LONGEST_NAME = 100
"""Characters in FFmpeg's name of a container or a codec, at most."""

_LONGEST: Final = 1e30
"""Seconds; a header may state any length that 64 bits of any unit give."""


def describe(source: BinaryIO, limits: DecoderLimits, *, require_sound: bool) -> AudioProperties:
    """What a file is.

    Args:
        source: Seekable; left open.
        limits: What it may take.
        require_sound: Whether something in it must be decodable.

    Raises:
        AudioError: It is not audio, or takes too much.
        DecoderCrashedError: The decoder died.
        AbandonedError: The caller gave up meanwhile.
        Exception: Whatever reading the source raises.
    """
    with _children.borrow(source, limits, {"do": "describe", "require_sound": require_sound}) as child:
        kind, content = child.answer()
        if kind != b"P":
            raise child.misbehave(kind)
        child.done()
        try:
            return _read_properties(bytes(content))
        except (ValueError, TypeError, RecursionError) as error:
            raise child.misbehave(kind) from error


@contextmanager
def decoding(
    source: BinaryIO, sample_rate: int, limits: DecoderLimits, *, most: int | None = None
) -> Iterator[Iterator[Waveform]]:
    """Mono samples of a file, in chunks of shape `(samples,)`, while the context is open.

    Args:
        source: Seekable; left open.
        sample_rate: Of the samples, in Hz.
        limits: What it may take.
        most: Samples at most; None for all that `limits` allow.

    Raises:
        AudioError: As the samples come: it cannot be decoded, is broken off, is too long, or takes too much.
        DecoderCrashedError: The decoder died, or sent what it should not send.
        AbandonedError: The caller gave up meanwhile.
        Exception: Whatever reading the source raises.
    """
    with _children.borrow(source, limits, {"do": "decode", "sample_rate": sample_rate, "most": most}) as child:
        yield _chunks(child, sample_rate, limits, most)


def _chunks(child: DecoderProcess, sample_rate: int, limits: DecoderLimits, most: int | None) -> Iterator[Waveform]:
    """What a decoder sends, held against what it was asked for: a file may have taken it over."""
    count, last = 0, False
    while True:
        kind, content = child.answer()
        if kind == b"E":
            child.done()
            return
        if kind != b"C" or last or len(content) % 4 or len(content) < 8:
            raise child.misbehave(kind)
        samples = np.frombuffer(content[8:], np.float32)
        count += samples.size
        if most is not None and count > most:
            raise child.misbehave(kind)
        if count > limits.audio_seconds * sample_rate:
            raise AudioError(f"the audio is longer than {limits.audio_seconds:g} seconds")
        # many small chunks would cost memory and time that their samples do not show
        last = samples.size < CHUNK_SAMPLES
        child.credit(samples.size / sample_rate, int.from_bytes(content[:8], "little"))
        yield samples


def _read_properties(content: bytes) -> AudioProperties:
    """Properties as a decoder sends them, which a file may have taken over: the type becomes part of a file's name.

    Raises:
        ValueError: They are not of the form that they should have.
        TypeError: Likewise.
    """
    said = AudioProperties(**json.loads(content))
    texts = (said.container, said.codec)
    numbers: tuple[object, ...] = (said.sample_rate, said.channels)
    duration: object = said.duration
    if said.file_type not in FORMATS or not all(_is_name(text) for text in texts):
        raise ValueError(content)
    if not all(isinstance(number, int) and 0 <= number < 2**31 for number in numbers):
        raise ValueError(content)
    # NaN would pass a comparison the other way round
    if duration is not None and not (isinstance(duration, float | int) and abs(duration) < _LONGEST):
        raise ValueError(content)
    return said


def _is_name(text: object) -> bool:
    """Whether it is a name as FFmpeg's are."""
    return isinstance(text, str) and len(text) <= _LONGEST_NAME and text.isascii() and text.isprintable()


def end_idle_decoders() -> None:
    """End the processes that wait for a file; the next file starts another."""
    _children.end_idle()


def missing_protections() -> Mapping[str, str]:
    """What does not protect this machine from a decoder that a file has taken over, and why; empty where all does.

    The names are those of `models.audio.sandbox.PROTECTIONS`. Starts a decoder where none has told yet.

    Raises:
        DecoderCrashedError: No decoder can be started.
    """
    return _children.missing_protections()


class _Children:
    """Decoder processes that wait for work; safe to use from several threads."""

    def __init__(self) -> None:
        self._idle: list[DecoderProcess] = []
        self._lock = Lock()
        self._missing: Mapping[str, str] | None = None
        atexit.register(self.end_idle)

    @contextmanager
    def borrow(self, source: BinaryIO, limits: DecoderLimits, what: dict[str, Any]) -> Iterator[DecoderProcess]:
        """A child that has been given a file. One that is not done with it at the end is killed.

        Raises:
            AbandonedError: The caller gave up meanwhile.
        """
        abandonment = current_abandonment()
        child = self._give(source, limits, what, abandonment)
        try:
            with abandonment.covering(child):
                yield child
        finally:
            if not self._keep(child):
                child.end()

    def missing_protections(self) -> Mapping[str, str]:
        """What the first child that got ready has told, or one that is started for it."""
        if self._missing is None:
            child = DecoderProcess()
            try:
                self._get_ready(child)
            except BaseException:
                child.end()
                raise
            if not self._keep(child):
                child.end()
        return self._missing or {}

    def _give(
        self, source: BinaryIO, limits: DecoderLimits, what: dict[str, Any], abandonment: Abandonment
    ) -> DecoderProcess:
        """Give a file to an idle child, or to a new one. An idle child that has died is replaced by another."""
        while (idle := self._take()) is not None:
            try:
                with abandonment.covering(idle):
                    idle.order(source, limits, what)
            except DecoderCrashedError:
                idle.end()
            except BaseException:
                idle.end()
                raise
            else:
                return idle
        child = DecoderProcess()
        try:
            with abandonment.covering(child):
                self._get_ready(child)
                child.order(source, limits, what)
        except BaseException:
            child.end()
            raise
        return child

    def _get_ready(self, child: DecoderProcess) -> None:
        """Wait for a new child, and say once what does not protect from it."""
        child.get_ready()
        with self._lock:
            first, self._missing = self._missing is None, child.missing
        if first and self._missing:
            lacking = "; ".join(f"{name} ({reason})" for name, reason in self._missing.items())
            _log.warning("audio is decoded without some of its protections: %s", lacking)

    def end_idle(self) -> None:
        """End those that wait."""
        while (child := self._take()) is not None:
            child.end()

    def _take(self) -> DecoderProcess | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                child = self._idle.pop()
            if child.reusable:
                return child
            child.end()

    def _keep(self, child: DecoderProcess) -> bool:
        with self._lock:
            if len(self._idle) >= _MOST_IDLE or not child.reusable:
                return False
            self._idle.append(child)
            return True


_children: Final = _Children()
