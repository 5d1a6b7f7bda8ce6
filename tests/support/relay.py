"""A relay in front of a server that counts what it passes on."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class Relay:
    """Listens on loopback and passes every connection on.

    Attributes:
        received: Bytes that have come from the server.
        connections: How many there were.
    """

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        self._server = (str(parts.hostname), int(parts.port or 80))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.received = 0
        self.connections = 0

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self) -> None:
        """Accept connections until the listener is closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(self._server)
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, target, source is server), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        # accept() in the other thread would not notice a mere close
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _pass_on(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
                if counted:
                    self.received += len(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            # the other side is gone, and this one is closed with it
            pass
        finally:
            if counted:
                source.close()
                target.close()


@contextmanager
def relaying(server: str) -> Iterator[Relay]:
    """Run a relay."""
    relay = Relay(server)
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        yield relay
    finally:
        relay.close()
        thread.join(10)
