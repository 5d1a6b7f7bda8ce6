"""The process that decodes: `python -m models.audio.decoder_child DESCRIPTOR`, started by `models.audio.decoder`.

It opens no file and has no network: it asks the other end of its one connection for the bytes of a recording, and sends
samples back. A message is a letter and its content:

    from the parent                            from here
    O  JSON: open, and do what it says         A  the order has arrived: the first message
    D  the bytes that were read                R  JSON: read so many bytes at an offset
                                               C  float32 samples
                                               P  JSON: properties of the file
                                               E  the end
                                               F  why the file cannot be decoded
                                               M  it takes more memory than it may: the last message
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import resource
import struct
import sys
import threading
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import av.logging
import numpy as np

from models.audio.sound_file import AudioError, SoundFile, open_sound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed import WriteableBuffer

    from models.audio.waveform import Waveform

_READ_BYTES = 256 * 1024
"""What is asked for at once: FFmpeg's own reads are of 32 KiB, and each would be a round trip."""

_CHUNK_SAMPLES = 16 * 1024
"""Frames are joined to so many samples before they are sent."""

_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS of linux/prctl.h


class RemoteFile(io.RawIOBase):
    """A file whose bytes the other end of a connection has.

    Args:
        connection: Where they are asked for.
        size: Of the file, in bytes.
    """

    def __init__(self, connection: Connection, size: int) -> None:
        super().__init__()
        self._connection = connection
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; nothing is asked for."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Ask for bytes."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._position, _READ_BYTES)
        if wanted <= 0:
            return 0
        send(self._connection, b"R", {"offset": self._position, "size": wanted})
        answer = self._connection.recv_bytes()
        view[: len(answer) - 1] = answer[1:]
        self._position += len(answer) - 1
        return len(answer) - 1


def send(connection: Connection, kind: bytes, content: dict[str, Any]) -> None:
    """Send a message whose content is JSON."""
    connection.send_bytes(kind + json.dumps(content).encode())


def work(connection: Connection) -> None:
    """Do one order after the other, until nobody is there to give another."""
    while True:
        try:
            order = json.loads(connection.recv_bytes()[1:])
        except EOFError:
            return
        connection.send_bytes(b"A")
        _limit_next(order["memory"], order["processor_seconds"])
        try:
            with open_sound(io.BufferedReader(RemoteFile(connection, order["size"]), _READ_BYTES)) as sound:
                _obey(connection, order, sound)
        except AudioError as error:
            connection.send_bytes(b"F" + str(error).encode())
        except MemoryError:
            # it may have come in the middle of a message: nothing that follows could be trusted
            connection.send_bytes(b"M")
            return


def _obey(connection: Connection, order: dict[str, Any], sound: SoundFile) -> None:
    if order["do"] == "describe":
        if order["require_sound"]:
            sound.require_sound()
        send(connection, b"P", asdict(sound.properties))
        return
    for samples in _join(sound.samples(order["sample_rate"], order["most"])):
        connection.send_bytes(b"C" + samples)
    connection.send_bytes(b"E")


def _join(chunks: Iterable[Waveform]) -> Iterable[bytes]:
    """Bytes of at least `_CHUNK_SAMPLES` samples each, but for the last."""
    held: list[Waveform] = []
    count = 0
    for chunk in chunks:
        held.append(chunk)
        count += chunk.size
        if count >= _CHUNK_SAMPLES:
            yield np.concatenate(held).tobytes()
            held, count = [], 0
    if count:
        yield np.concatenate(held).tobytes()


def _limit_next(memory: int, processor_seconds: int) -> None:
    """Let the next file have so much memory beside what the process has already, and so much of a processor."""
    with open("/proc/self/statm", encoding="ascii") as status:  # noqa: PTH123 - pathlib would be imported for it
        mapped = int(status.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + memory, resource.RLIM_INFINITY))
    used = resource.getrusage(resource.RUSAGE_SELF)
    end = int(used.ru_utime + used.ru_stime) + processor_seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))


def _renounce() -> None:
    """Give up what decoding does not need: writing files, cores, more privileges."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def _end_with_parent(lifeline: int) -> None:
    """End when the other end of a pipe closes, which the parent's death does, whatever this process is doing."""

    def wait() -> None:
        os.read(lifeline, 1)
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def _warm_up() -> None:
    """Decode something, so that everything is loaded."""
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", 1600) + bytes(1600)
    with open_sound(io.BytesIO(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)) as sound:
        sound.require_sound()
        list(sound.samples(16_000, None))


def main() -> None:
    """Decode for whoever holds the other end of the descriptors in the arguments."""
    connection, lifeline = Connection(int(sys.argv[1])), int(sys.argv[2])
    _end_with_parent(lifeline)
    av.logging.set_level(av.logging.PANIC)
    _renounce()
    _warm_up()
    try:
        work(connection)
    except (BrokenPipeError, ConnectionResetError, EOFError):
        # the parent has had enough of this file
        sys.exit(0)


if __name__ == "__main__":
    main()
