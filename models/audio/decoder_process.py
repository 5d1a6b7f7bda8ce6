"""One decoder process, and what it is working on."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from io import SEEK_END
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from models.audio.sound_file import AudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PROGRAM = "models.audio.decoder_child"

_FILES = 200
"""Then a process is replaced, so that whatever a library leaks does not add up."""

_LARGEST_MESSAGE = 2**20
_LONGEST_REASON = 300
"""Characters in the reason why a file cannot be decoded, at most."""

_STALLED_SECONDS = 10
"""How long a process may leave what is sent to it unread."""

_READY_SECONDS = 60
"""How long a process may take until it works on what it was given: one that is new starts first."""

_LOOK_SECONDS = 0.5
"""How often the processor time of a process that says nothing is looked at."""

_SPARE_CPU_SECONDS = 2
"""Processor time that a process may take beyond the time that it may be waited for."""

_VALUES_A_SECOND = 96_000
"""Samples of stereo at 48 kHz: what decoding an ordinary second is measured by."""

_MOST_SECONDS_OF_VALUES = 32
"""What a second of audio may count as for its many values: 64 channels at 48 kHz, or 8 at 384 kHz. The process counts
the values itself, so its word is not enough."""

_GONE = (EOFError, BrokenPipeError, ConnectionResetError)


class DecoderCrashedError(RuntimeError):
    """The decoder died on a file. It may have been the file's fault, or the machine's: another attempt will tell."""


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """What decoding one file may take.

    Attributes:
        seconds: Time that is spent waiting for the decoder, and its processor time. What the reader of the samples
            takes does not count.
        source_seconds: Time that reading the file for the decoder may take.
        audio_seconds: Length of the audio at most.
        memory: Bytes beside what an idle decoder has.
        spare_work: Processor time in seconds that any file may take.
        work_per_second: Processor time in seconds that a file may take beside that, for each second of its audio. Of
            audio that has more than stereo's values at 48 kHz, as many values count as a second.
    """

    seconds: float = 300.0
    source_seconds: float = 1800.0
    audio_seconds: float = 172_800.0
    memory: int = 256 * 2**20
    spare_work: float = 10.0
    work_per_second: float = 0.05


class DecoderProcess:
    """A process that decodes one file after the other; used by one thread at a time."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _STALLED_SECONDS, 0))
        lifeline, self._lifeline = os.pipe()
        with theirs:
            self._process = _start(theirs.fileno(), lifeline)
        os.close(lifeline)
        self._connection = Connection(ours.detach())
        self._poll = select.poll()
        self._poll.register(self._connection.fileno(), select.POLLIN)
        self._source: BinaryIO | None = None
        self._limits = DecoderLimits()
        self._waited = self._read_for = self._worked_before = self._decoded = 0.0
        self._values = 0
        self._files = 0
        self.missing: Mapping[str, str] | None = None
        """What does not protect this machine from it, and why; None before it has its first file."""

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def reusable(self) -> bool:
        """Whether it waits for a file, and may have another."""
        return self._source is None and self._files < _FILES and self._process.poll() is None

    def get_ready(self) -> None:
        """Wait until it can take a file, and hear what does not protect this machine from it.

        Raises:
            DecoderCrashedError: It died, or does not answer.
        """
        if self.missing is not None:
            return
        message = self._expect(b"H")
        missing: dict[str, str] = json.loads(message[1:])
        self.missing = missing

    def order(self, source: BinaryIO, limits: DecoderLimits, what: dict[str, Any]) -> None:
        """Give it a file, and see that it takes it.

        Raises:
            DecoderCrashedError: It died, or does not answer, before it asked for a byte: no fault of the file.
        """
        self.get_ready()
        self._source, self._limits = source, limits
        self._waited, self._read_for, self._decoded, self._values = 0.0, 0.0, 0.0, 0
        self._files += 1
        size = source.seek(0, SEEK_END)
        try:
            self._worked_before = _worked(self.pid)
            _limit(self.pid, limits, self._worked_before)
            self._connection.send_bytes(b"O" + json.dumps(what | {"size": size}).encode())
        except (*_GONE, BlockingIOError, ProcessLookupError, FileNotFoundError) as error:
            raise self._crashed() from error
        # a process that is being killed goes on taking messages for a moment
        self._expect(b"A")

    def answer(self) -> tuple[bytes, memoryview]:
        """Kind and content of the next message that is not about reading the file."""
        while True:
            message = self._receive(self._wait)
            kind, content = message[:1].tobytes(), message[1:]
            if kind == b"F":
                self.done()
                raise AudioError(_plain(bytes(content)))
            if kind == b"M":
                raise AudioError(f"decoding it takes more than {self._limits.memory >> 20} MB of memory")
            if kind != b"R":
                return kind, content
            self._read(bytes(content))

    def credit(self, seconds: float, values: int) -> None:
        """Let it work longer, because audio has come.

        Args:
            seconds: How much, since the last call.
            values: How many it says that it has decoded of this file in all, of all channels.
        """
        self._decoded += seconds
        self._values = values

    def done(self) -> None:
        """It has finished with the file."""
        self._source = None

    def misbehave(self, kind: bytes) -> DecoderCrashedError:
        """What to raise when it says something that it should not say now."""
        return DecoderCrashedError(f"the decoder sent an unexpected message: {kind!r}")

    def kill(self) -> None:
        """End it from any thread; the one that waits for it notices."""
        self._process.kill()

    def end(self) -> None:
        """Kill it, if it still runs, and let go of it."""
        self._connection.close()
        os.close(self._lifeline)
        self._process.kill()
        self._process.wait()

    def _expect(self, kind: bytes) -> bytes:
        """The message that must come next, within `_READY_SECONDS`."""
        end = time.monotonic() + _READY_SECONDS

        def wait() -> None:
            if not self._readable(end - time.monotonic()):
                raise DecoderCrashedError(f"the decoder has not begun within {_READY_SECONDS} seconds")

        message = self._receive(wait).tobytes()
        if message[:1] != kind:
            raise self.misbehave(message[:1])
        return message

    def _receive(self, wait: Callable[[], None]) -> memoryview:
        """The next message.

        Args:
            wait: Returns when something has come. It is called for each part: a process may send a byte at a time.
        """
        try:
            # as Connection.send_bytes writes it: the length, then the content
            (size,) = struct.unpack("!i", self._receive_part(4, wait))
            if 0 < size <= _LARGEST_MESSAGE:
                return self._receive_part(size, wait)
        except (EOFError, OSError) as error:
            raise self._crashed() from error
        raise DecoderCrashedError(f"the decoder sent a message of {size} bytes")

    def _receive_part(self, size: int, wait: Callable[[], None]) -> memoryview:
        part = memoryview(bytearray(size))
        received = 0
        while received < size:
            wait()
            count = os.readv(self._connection.fileno(), [part[received:]])
            if count == 0:
                raise EOFError
            received += count
        return part

    def _readable(self, seconds: float) -> bool:
        """Whether something comes within so many seconds."""
        return bool(self._poll.poll(max(0.0, seconds) * 1000))

    def _wait(self) -> None:
        """Return when something has come.

        Raises:
            AudioError: The file takes too long, or too much work.
        """
        ready = False
        while not ready:
            started = time.monotonic()
            left = self._limits.seconds - self._waited
            ready = self._readable(min(left, _LOOK_SECONDS))
            self._waited += time.monotonic() - started
            if not ready and self._waited >= self._limits.seconds:
                raise AudioError(f"decoding it takes longer than {self._limits.seconds:g} seconds")
            self._refuse_overwork()

    def _refuse_overwork(self) -> None:
        values = min(self._values / _VALUES_A_SECOND, self._decoded * _MOST_SECONDS_OF_VALUES)
        allowed = self._limits.spare_work + self._limits.work_per_second * max(self._decoded, values)
        # a process may catch the signal that the system's own limit sends
        allowed = min(allowed, self._limits.seconds + _SPARE_CPU_SECONDS)
        # one that has ended has no clock: the connection tells how it died
        if _worked(self.pid) - self._worked_before > allowed:
            raise AudioError(
                f"decoding {self._decoded:.1f} seconds of it takes more than {allowed:.1f} seconds of work"
            )

    def _read(self, content: bytes) -> None:
        source = self._source
        try:
            wanted = json.loads(content)
            offset, size = int(wanted["offset"]), int(wanted["size"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise self.misbehave(b"R") from error
        if source is None or not 0 <= offset < 2**63 or size < 0:
            raise self.misbehave(b"R")
        started = time.monotonic()
        source.seek(offset)
        data = source.read(min(size, _LARGEST_MESSAGE - 1))
        read = time.monotonic()
        self._read_for += read - started
        if self._read_for > self._limits.source_seconds:
            limit = self._limits.source_seconds
            raise DecoderCrashedError(f"reading the file for the decoder takes longer than {limit:g} seconds")
        try:
            self._connection.send_bytes(b"D" + data)
        except (*_GONE, BlockingIOError) as error:
            raise self._crashed() from error
        self._waited += time.monotonic() - read

    def _crashed(self) -> Exception:
        self._process.kill()
        status = self._process.wait()
        if status == -signal.SIGXCPU:
            return AudioError(f"decoding it takes longer than {self._limits.seconds:g} seconds")
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        return DecoderCrashedError(f"the decoder died on this file ({how})")


def _plain(content: bytes) -> str:
    """A reason as a decoder gives it, which a file may have taken over: people read it, and Postgres stores it."""
    text = content[: 4 * _LONGEST_REASON].decode(errors="replace")
    return "".join(filter(str.isprintable, text))[:_LONGEST_REASON] or "it cannot be decoded"


def _start(*descriptors: int) -> subprocess.Popen[bytes]:
    """Start a process with no secrets, and nothing open but these descriptors."""
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        # each thread would map memory of its own
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
    }
    # -P: nothing is imported from the folder that this process happens to be in
    command = [sys.executable, "-P", "-W", "ignore", "-m", _PROGRAM, *map(str, descriptors)]
    return subprocess.Popen(  # noqa: S603 - this very program
        command,
        pass_fds=descriptors,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl-C in a terminal is for this process, which finishes what it has begun
        start_new_session=True,
    )


def _worked(pid: int) -> float:
    """Processor time that a process has used, in seconds; 0 where the system or the process has no such clock."""
    try:
        # the clock of a process by its number, as clock_getcpuclockid(3) makes it
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _limit(pid: int, limits: DecoderLimits, worked: float) -> None:
    """Let the next file have so much memory beside what the process has already, and so much of a processor.

    It is done from outside: the process itself could also lift its limits. Only Linux can do so.
    """
    if not sys.platform.startswith("linux"):
        return
    mapped = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    _limit_to(pid, resource.RLIMIT_AS, mapped + limits.memory)
    _limit_to(pid, resource.RLIMIT_CPU, int(worked + limits.seconds) + _SPARE_CPU_SECONDS)


def _limit_to(pid: int, kind: int, wanted: int) -> None:
    """Set a soft limit. The hard one stays as the service manager has set it: only root could raise it."""
    _, hard = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
