"""`vibe-search serve` in a process of its own, and a connection to it."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

from app.measure.speed.stages import Stages

_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_OK = 200
_UNLIMITED = {"RATE_LIMIT_SEARCHES": "0", "RATE_LIMIT_COSTLY": "0"}


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
        client: A connection that is kept alive.
        pid: Of its process.
        started: When it was started, of `time.perf_counter`.
    """

    client: http.client.HTTPConnection
    pid: int
    started: float

    def search(self, text: str) -> bytes:
        """The answer to a search.

        Raises:
            RuntimeError: It is no success.
        """
        self.client.request("GET", f"/search/?q={quote(text)}")
        response = self.client.getresponse()
        content = response.read()
        if response.status != _OK:
            raise RuntimeError(f"GET /search/ answered {response.status}: {content[:200]!r}")
        return content


@contextmanager
def running_server(url: str, stages: Stages, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """The server on a free port, ready to answer.

    Args:
        url: Of its database.
        stages: Shows progress.
        environment: Further settings.

    Raises:
        RuntimeError: It ended, or was not ready in time.
    """
    with socket.socket() as taken:
        taken.bind((_HOST, 0))
        port = int(taken.getsockname()[1])
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve", "--host", _HOST, "--port", str(port)]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | _UNLIMITED | {"DATABASE_URL": url} | dict(environment or {}))  # noqa: S603 - this very program
    client = http.client.HTTPConnection(_HOST, port, timeout=30)
    try:
        with stages.stage("starting the server"):
            _wait(process, client)
        yield Served(client, process.pid, started)
    finally:
        client.close()
        process.terminate()
        process.wait(20)


def _wait(process: "subprocess.Popen[bytes]", client: http.client.HTTPConnection) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"vibe-search serve ended with status {process.returncode}")
        try:
            client.request("GET", "/readyz")
            response = client.getresponse()
            response.read()
            if response.status == _OK:
                return
        except OSError:
            client.close()
        time.sleep(0.02)
    raise RuntimeError(f"vibe-search serve was not ready within {_START_SECONDS:.0f} s")
