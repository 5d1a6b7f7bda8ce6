"""Decoding in processes of their own, which can be killed.

A file that a stranger sends may crash a decoder, keep it busy without end, or make it take all memory. So a child
process decodes (`models.audio.decoder_child`): it asks for the file's bytes, opens nothing itself, and is killed when
it takes too long. Idle children are kept for the next file, because starting one takes longer than most files.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from io import SEEK_END
from multiprocessing.connection import Connection
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from models.audio.sound_file import AudioError, AudioProperties

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.audio.waveform import Waveform

_MOST_IDLE = 4
_FILES_A_CHILD = 200
"""Then a child is replaced, so that whatever a library leaks does not add up."""

_LARGEST_MESSAGE = 2**20
_STALLED_SECONDS = 10
"""How long the rest of a message may take once it has begun."""

_READY_SECONDS = 60
"""How long a process may take until it works on what it was given: one that is new starts first."""

_GONE = (EOFError, BrokenPipeError, ConnectionResetError)


class DecoderCrashedError(RuntimeError):
    """The decoder died on a file. It may have been the file's fault, or the machine's: another attempt will tell."""


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """What decoding one file may take.

    Attributes:
        seconds: Time that is spent waiting for the decoder; what the reader of the samples takes does not count.
        memory: Bytes beside what an idle decoder has.
    """

    seconds: float = 300.0
    memory: int = 256 * 2**20


def describe(source: BinaryIO, limits: DecoderLimits, *, require_sound: bool) -> AudioProperties:
    """What a file is.

    Args:
        source: Seekable; left open.
        limits: What it may take.
        require_sound: Whether something in it must be decodable.

    Raises:
        AudioError: It is not audio.
        DecoderCrashedError: The decoder died.
        Exception: Whatever reading the source raises.
    """
    with _children.borrow(source, limits, {"do": "describe", "require_sound": require_sound}) as child:
        kind, content = child.answer()
        if kind != b"P":
            raise child.misbehave(kind)
        child.done()
        return AudioProperties(**json.loads(bytes(content)))


@contextmanager
def decoding(
    source: BinaryIO, sample_rate: int, limits: DecoderLimits, *, most: int | None = None
) -> Iterator[Iterator[Waveform]]:
    """Mono samples of a file, in chunks of shape `(samples,)`, while the context is open.

    Args:
        source: Seekable; left open.
        sample_rate: Of the samples, in Hz.
        limits: What it may take.
        most: Samples at most; None for all.

    Raises:
        AudioError: As the samples come: it cannot be decoded, is broken off, or takes too much.
        DecoderCrashedError: The decoder died.
        Exception: Whatever reading the source raises.
    """
    with _children.borrow(source, limits, {"do": "decode", "sample_rate": sample_rate, "most": most}) as child:

        def chunks() -> Iterator[Waveform]:
            while True:
                kind, content = child.answer()
                if kind == b"E":
                    child.done()
                    return
                if kind != b"C":
                    raise child.misbehave(kind)
                yield np.frombuffer(content, np.float32)

        yield chunks()


def end_idle_decoders() -> None:
    """End the processes that wait for a file; the next file starts another."""
    _children.end_idle()


class _Child:
    """One decoder process, and what it is working on."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        # a message that has begun comes to its end soon, or not at all
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _STALLED_SECONDS, 0))
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _STALLED_SECONDS, 0))
        lifeline, self._lifeline = os.pipe()
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONDONTWRITEBYTECODE": "1",
            # each thread would map memory of its own
            "OPENBLAS_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "1",
        }
        with theirs:
            descriptors = (theirs.fileno(), lifeline)
            # -P: nothing is imported from the folder that this process happens to be in
            command = [sys.executable, "-P", "-W", "ignore", "-m", "models.audio.decoder_child", *map(str, descriptors)]
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                command,
                pass_fds=descriptors,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Ctrl-C in a terminal is for this process, which finishes what it has begun
                start_new_session=True,
            )
        os.close(lifeline)
        self._connection = Connection(ours.detach())
        self._source: BinaryIO | None = None
        self._limits = DecoderLimits()
        self._waited = 0.0
        self._files = 0

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def reusable(self) -> bool:
        """Whether it waits for a file, and may have another."""
        return self._source is None and self._files < _FILES_A_CHILD and self._process.poll() is None

    def order(self, source: BinaryIO, limits: DecoderLimits, what: dict[str, Any]) -> None:
        """Give it a file, and see that it takes it.

        Raises:
            DecoderCrashedError: It died, or does not answer, before it asked for a byte: no fault of the file.
        """
        self._source, self._limits, self._waited = source, limits, 0.0
        self._files += 1
        size = source.seek(0, SEEK_END)
        terms = {"size": size, "memory": limits.memory, "processor_seconds": int(limits.seconds) + 1}
        try:
            self._connection.send_bytes(b"O" + json.dumps(what | terms).encode())
            # a process that is being killed goes on taking messages for a moment
            if not self._connection.poll(_READY_SECONDS):
                raise DecoderCrashedError(f"the decoder has not begun within {_READY_SECONDS} seconds")
            message = self._connection.recv_bytes(_LARGEST_MESSAGE)
        except (*_GONE, BlockingIOError) as error:
            raise self._crashed() from error
        if message != b"A":
            raise self.misbehave(message[:1])

    def answer(self) -> tuple[bytes, memoryview]:
        """Kind and content of the next message that is not about reading the file."""
        while True:
            message = self._receive()
            kind, content = message[:1].tobytes(), message[1:]
            if kind == b"F":
                self.done()
                raise AudioError(bytes(content).decode())
            if kind == b"M":
                raise AudioError(f"decoding it takes more than {self._limits.memory >> 20} MB of memory")
            if kind != b"R":
                return kind, content
            self._read(json.loads(bytes(content)))

    def done(self) -> None:
        """It has finished with the file."""
        self._source = None

    def misbehave(self, kind: bytes) -> DecoderCrashedError:
        """What to raise when it says something that it should not say now."""
        return DecoderCrashedError(f"the decoder sent an unexpected message: {kind!r}")

    def end(self) -> None:
        """Kill it, if it still runs."""
        self._connection.close()
        os.close(self._lifeline)
        self._process.kill()
        self._process.wait()

    def _receive(self) -> memoryview:
        left = self._limits.seconds - self._waited
        started = time.monotonic()
        try:
            ready = self._connection.poll(max(0.0, left))
            self._waited += time.monotonic() - started
            if not ready:
                raise AudioError(f"decoding it takes longer than {self._limits.seconds:g} seconds")
            return memoryview(self._connection.recv_bytes(_LARGEST_MESSAGE))
        except (*_GONE, BlockingIOError) as error:
            raise self._crashed() from error

    def _read(self, wanted: dict[str, int]) -> None:
        source = self._source
        if source is None:
            raise self.misbehave(b"R")
        source.seek(wanted["offset"])
        data = source.read(min(wanted["size"], _LARGEST_MESSAGE - 1))
        try:
            self._connection.send_bytes(b"D" + data)
        except (*_GONE, BlockingIOError) as error:
            raise self._crashed() from error

    def _crashed(self) -> Exception:
        self._process.kill()
        status = self._process.wait()
        if status == -signal.SIGXCPU:
            return AudioError(f"decoding it takes longer than {self._limits.seconds:g} seconds")
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        return DecoderCrashedError(f"the decoder died on this file ({how})")


class _Children:
    """Decoder processes that wait for work; safe to use from several threads."""

    def __init__(self) -> None:
        self._idle: list[_Child] = []
        self._lock = Lock()
        atexit.register(self.end_idle)

    @contextmanager
    def borrow(self, source: BinaryIO, limits: DecoderLimits, what: dict[str, Any]) -> Iterator[_Child]:
        """A child that has been given a file. One that is not done with it at the end is killed."""
        child = self._give(source, limits, what)
        try:
            yield child
        finally:
            if not self._keep(child):
                child.end()

    def _give(self, source: BinaryIO, limits: DecoderLimits, what: dict[str, Any]) -> _Child:
        """Give a file to an idle child, or to a new one; that one died while it was idle is no fault of the file."""
        while (idle := self._take()) is not None:
            try:
                idle.order(source, limits, what)
            except DecoderCrashedError:
                idle.end()
            else:
                return idle
        child = _Child()
        try:
            child.order(source, limits, what)
        except BaseException:
            child.end()
            raise
        return child

    def end_idle(self) -> None:
        """End those that wait."""
        while (child := self._take()) is not None:
            child.end()

    def _take(self) -> _Child | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                child = self._idle.pop()
            if child.reusable:
                return child
            child.end()

    def _keep(self, child: _Child) -> bool:
        with self._lock:
            if len(self._idle) >= _MOST_IDLE or not child.reusable:
                return False
            self._idle.append(child)
            return True


_children: Final = _Children()
