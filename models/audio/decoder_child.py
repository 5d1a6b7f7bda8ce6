"""The process that decodes: `python -m models.audio.decoder_child DESCRIPTOR`, started by `models.audio.decoder`.

It asks the other end of its one connection for the bytes of a recording, and sends samples back. When everything is
imported, it gives up all else (`models.audio.sandbox`): it opens no file and has no network. A message is a letter and
its content:

    from the parent                            from here
                                               H  JSON: what could not be given up, and why: the first message
    O  JSON: open, and do what it says         A  the order has arrived
    D  the bytes that were read                R  JSON: read so many bytes at an offset
                                               C  how many values were decoded so far, 8 bytes; float32 samples
                                               P  JSON: properties of the file
                                               E  the end
                                               F  why the file cannot be decoded
                                               M  it takes more memory than it may: the last message
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import threading
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import av.logging
import numpy as np

from models.audio.sandbox import confine
from models.audio.sound_file import AudioError, SoundFile, open_sound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed import WriteableBuffer

    from models.audio.waveform import Waveform

_READ_BYTES = 256 * 1024
"""What is asked for at once: FFmpeg's own reads are of 32 KiB, and each would be a round trip."""

CHUNK_SAMPLES = 16 * 1024
"""Frames are joined to so many samples before they are sent: only the last chunk of a file has fewer."""

_MOST_SAMPLES = 128 * 1024
"""A longer chunk is sent in parts: a frame may be a minute long, and the parent takes messages of 1 MiB."""


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
    """Do one order after the other, until the parent closes the connection."""
    while True:
        try:
            order = json.loads(connection.recv_bytes()[1:])
        except EOFError:
            return
        connection.send_bytes(b"A")
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
        connection.send_bytes(b"C" + struct.pack("<Q", sound.values) + samples)
    connection.send_bytes(b"E")


def _join(chunks: Iterable[Waveform]) -> Iterable[bytes]:
    """Bytes of at least `CHUNK_SAMPLES` samples each, but for the last, and of `_MOST_SAMPLES` at most."""
    held: list[Waveform] = []
    count = 0
    for chunk in _cut(chunks):
        held.append(chunk)
        count += chunk.size
        if count >= CHUNK_SAMPLES:
            yield np.concatenate(held).tobytes()
            held, count = [], 0
    if count:
        yield np.concatenate(held).tobytes()


def _cut(chunks: Iterable[Waveform]) -> Iterable[Waveform]:
    """The same samples in chunks that are not too long, also behind what `_join` holds already."""
    longest = _MOST_SAMPLES - CHUNK_SAMPLES
    for chunk in chunks:
        for start in range(0, chunk.size, longest):
            yield chunk[start : start + longest]


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
    """Decode for the parent, which has the other ends of the descriptors in the arguments."""
    connection, lifeline = Connection(int(sys.argv[1])), int(sys.argv[2])
    av.logging.set_level(av.logging.PANIC)
    _warm_up()
    missing = confine(lambda: _end_with_parent(lifeline))
    try:
        send(connection, b"H", missing)
        work(connection)
    except (BrokenPipeError, ConnectionResetError, EOFError):
        # the parent has had enough of this file
        sys.exit(0)


if __name__ == "__main__":
    main()
