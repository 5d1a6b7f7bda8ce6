"""A decoder that takes a file and works on it without end; `python -m tests.support.busy_decoder`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.audio import decoder_child

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def work(connection: Connection) -> None:
    """Take the place of the decoder's own work."""
    connection.recv_bytes()
    connection.send_bytes(b"A")
    while True:  # a processor is all that it takes
        pass


if __name__ == "__main__":
    decoder_child.work = work
    decoder_child.main()
