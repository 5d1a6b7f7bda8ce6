"""A decoder that answers any order with the bytes of the file; `python -m tests.support.lying_decoder`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from models.audio import decoder_child

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def work(connection: Connection) -> None:
    """Take the place of the decoder's own work: the file is what it says."""
    while True:
        order = json.loads(connection.recv_bytes()[1:])
        connection.send_bytes(b"A")
        file = decoder_child.RemoteFile(connection, order["size"]).readall()
        connection.send_bytes(file)


if __name__ == "__main__":
    decoder_child.work = work
    decoder_child.main()
