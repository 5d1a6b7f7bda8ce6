"""A decoder that takes a file and does nothing with it; `python -m tests.support.stuck_decoder`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from models.audio import decoder_child

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def work(connection: Connection) -> None:
    """Take the place of the decoder's own work."""
    connection.recv_bytes()
    connection.send_bytes(b"A")
    while True:
        time.sleep(60)


if __name__ == "__main__":
    decoder_child.work = work
    decoder_child.main()
