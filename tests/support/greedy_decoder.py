"""A decoder that takes more than it may, in the way that the file names; `python -m tests.support.greedy_decoder`."""

from __future__ import annotations

import json
import os
import signal
import struct
import time
from typing import TYPE_CHECKING

from models.audio import decoder_child

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_ENOUGH = 1_000
"""Messages after which it ends: a parent that takes all of them has failed."""


def send_samples(connection: Connection, values: int, count: int) -> None:
    """Send silence, decoded from so many values by its own word."""
    connection.send_bytes(b"C" + struct.pack("<Q", values) + bytes(4 * count))


def send_byte_by_byte(connection: Connection) -> None:
    """Begin a message of 1 MiB, of which something comes all the time."""
    os.write(connection.fileno(), struct.pack("!i", 2**20))
    for _ in range(_ENOUGH):
        os.write(connection.fileno(), b"C")
        time.sleep(0.01)


def misbehave(connection: Connection, way: str, size: int) -> None:
    """Do what the file says."""
    if way == "bytes":
        send_byte_by_byte(connection)
    if way in {"values", "working"}:
        send_samples(connection, 2**63, 16_000 if way == "values" else 100_000)
        while True:  # a processor is all that it takes
            pass
    for _ in range(_ENOUGH):
        if way == "reads":
            decoder_child.RemoteFile(connection, size).readall()
        else:
            send_samples(connection, 0, {"samples": 16 * 1024, "single samples": 1, "no samples": 0}[way])


def work(connection: Connection) -> None:
    """Take the place of the decoder's own work."""
    size = json.loads(connection.recv_bytes()[1:])["size"]
    connection.send_bytes(b"A")
    misbehave(connection, decoder_child.RemoteFile(connection, size).readall().decode(), size)


if __name__ == "__main__":
    # code that has taken a decoder over can do so, too
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    decoder_child.work = work
    decoder_child.main()
