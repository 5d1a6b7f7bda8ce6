"""`vibe-search worker` in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from app.settings import Settings


class WorkerProcess:
    """A worker that is started again when it was killed.

    Args:
        settings: Database and store.
    """

    def __init__(self, settings: Settings) -> None:
        self._environment = os.environ | {
            "DATABASE_URL": str(settings.database_url),
            "DATA_DIR": str(settings.data_dir),
            "WORKER_CONCURRENCY": "2",
        }
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", "from app.cli import main; main()", "worker"]
        return subprocess.Popen(command, env=self._environment, stderr=subprocess.DEVNULL)  # noqa: S603 - this very program

    def kill(self) -> None:
        """Kill it, and start another."""
        self._process.kill()
        self._process.wait()
        self._process = self._start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def memory_after(self, seconds: float) -> int:
        """Wait; resident bytes of the worker and its children at most meanwhile.

        Raises:
            RuntimeError: The worker ended by itself.
        """
        peak, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the worker ended by itself, with status {self._process.returncode}")
            peak = max(peak, resident_bytes(psutil.Process(self._process.pid)))
            time.sleep(0.1)
        return peak

    def stop(self) -> None:
        """Let it end."""
        self._process.terminate()
        self._process.wait(90)


@contextmanager
def running_worker(settings: Settings) -> Iterator[WorkerProcess]:
    """A worker; its jobs under way are finished in the end."""
    worker = WorkerProcess(settings)
    try:
        yield worker
    finally:
        worker.stop()


def resident_bytes(process: psutil.Process) -> int:
    """Memory of a process and of all that it has started."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
