"""What a transaction pooler changes about a connection to Postgres, without the pooling.

As PgBouncer does, it tells each client of a process that is not the server's, passes cancellations on from that one to
the server's, and refuses options of the connection.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

_ENCRYPTION = {80877103, 80877104}
_CANCEL = 80877102
_FIRST_PID = 4_000_000
"""Processes of Linux have smaller numbers, of its default configuration at least."""


@dataclass
class Pooler:
    """A pooler in front of one server.

    Attributes:
        url: URL of the same database behind it.
        cancelled: How many cancellations it has passed on.
    """

    url: str
    cancelled: int = 0
    _pids: dict[int, int] = field(default_factory=dict)


@contextmanager
def pooling(url: str) -> Iterator[Pooler]:
    """Run a pooler in front of a server that listens on a Unix socket."""
    parts = conninfo_to_dict(url)
    server = f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        pooler = Pooler(f"postgresql://{quote(str(parts['user']))}@127.0.0.1:{port}/{parts['dbname']}")
        accepting = threading.Thread(target=_accept, args=(listener, server, pooler))
        accepting.start()
        try:
            yield pooler
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listener: socket.socket, server: str, pooler: Pooler) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, server, pooler), daemon=True).start()


def _serve(client: socket.socket, server: str, pooler: Pooler) -> None:
    with client, socket.socket(socket.AF_UNIX) as upstream:
        upstream.connect(server)
        code, packet = _read_first(client)
        while code in _ENCRYPTION:
            client.sendall(b"N")
            code, packet = _read_first(client)
        if code == _CANCEL:
            pid, key = struct.unpack("!I", packet[8:12])[0], packet[12:]
            upstream.sendall(packet[:8] + struct.pack("!I", pooler._pids[pid]) + key)  # noqa: SLF001 - of this module
            # the server closes the connection once it has sent the signal
            upstream.recv(1)
            pooler.cancelled += 1
            return
        assert b"\0options\0" not in packet, "a pooler refuses options"
        upstream.sendall(packet)
        _greet(upstream, client, pooler)
        threading.Thread(target=_pass_on, args=(client, upstream), daemon=True).start()
        _pass_on(upstream, client)


def _greet(upstream: socket.socket, client: socket.socket, pooler: Pooler) -> None:
    """Pass on what the server says until it is ready, with another process in the place of its own."""
    kind = b""
    while kind != b"Z":
        kind = _read(upstream, 1)
        length = _read(upstream, 4)
        body = _read(upstream, struct.unpack("!I", length)[0] - 4)
        if kind == b"K":
            pid = _FIRST_PID + len(pooler._pids)  # noqa: SLF001 - of this module
            pooler._pids[pid] = struct.unpack("!I", body[:4])[0]  # noqa: SLF001 - of this module
            body = struct.pack("!I", pid) + body[4:]
        client.sendall(kind + length + body)


def _read_first(client: socket.socket) -> tuple[int, bytes]:
    """The first packet of a connection, which has no letter, and the number that says what it is."""
    length = _read(client, 4)
    body = _read(client, struct.unpack("!I", length)[0] - 4)
    return struct.unpack("!I", body[:4])[0], length + body


def _read(source: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        piece = source.recv(count - len(read))
        if not piece:
            raise ConnectionError("the other side is gone")
        read += piece
    return read


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # the other side is gone, and this one is closed with it
        return
