"""How much memory a process had at most."""

from pathlib import Path

import psutil

_UNIT = 1024


def peak_bytes(process: psutil.Process) -> int:
    """Resident bytes at most so far; on other systems than Linux: now.

    The figure that getrusage gives is that of the parent, where the parent was larger when it started the process.
    """
    status = Path(f"/proc/{process.pid}/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name == "VmHWM":
                return int(value.split()[0]) * _UNIT
    rss: int = process.memory_info().rss
    return rss
