"""Commands that go on until they are told to stop, such as `vibe-search serve`."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

SECONDS = 120
"""Far more than anything takes to start or stop on a busy machine."""


@contextmanager
def running(command: Sequence[str | Path], ready: Callable[[], bool], **environment: str) -> Iterator[None]:
    """A command, once it is ready."""
    process = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + SECONDS
        while not ready():
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


@contextmanager
def served_search(database: str, folder: Path, settings: dict[str, str], *, port: int | None = None) -> Iterator[str]:
    """A real `vibe-search serve`; its address, without a slash at the end.

    Args:
        database: URL of its database.
        folder: Its data.
        settings: Others, by variable.
        port: Of 127.0.0.1; one that is free by default.
    """
    if port is None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    patient = {"SEMANTIC_DEADLINE_SECONDS": "30", "SEARCH_STATEMENT_TIMEOUT_SECONDS": "60"}
    environment = {"DATABASE_URL": database, "DATA_DIR": str(folder)} | patient | settings
    command: list[str | Path] = [Path(sys.executable).with_name("vibe-search"), "serve", "--port", str(port)]
    with running(command, lambda: _answers(f"{address}/healthz"), **environment):
        yield address


def _answers(address: str) -> bool:
    try:
        return httpx2.get(address, timeout=SECONDS).status_code == 200
    except httpx2.TransportError:
        return False
