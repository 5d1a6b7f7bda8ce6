"""Which processes use an embedded server: the last one stops it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

from app.database.files import replace_file

HANDLES = ".handle_pids.json"
"""File in the data folder. Read and write it under the folder's lock."""

_CLOCK_SECONDS = 2.0
"""How far the clocks of a file and of a process may differ."""


class Handle(NamedTuple):
    """A process that uses the server; one that uses it twice has two handles.

    Attributes:
        pid: Its number. Numbers repeat, in containers at each start.
        started: Seconds between the start of the machine and that of the process; no clock that is set changes it.
    """

    pid: int
    started: float


def own_handle() -> Handle:
    """That of this process."""
    return _handle_of(psutil.Process())


def living_handles(folder: Path) -> list[Handle]:
    """Handles of processes that still run; those that were killed have left theirs behind.

    Args:
        folder: The data folder. A file in it that cannot be understood counts as an empty one.
    """
    file = folder / HANDLES
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        written = file.stat().st_mtime
        found = [_find_former(entry, written) if isinstance(entry, int) else _find(Handle(*entry)) for entry in kept]
    except (FileNotFoundError, ValueError, TypeError):
        return []
    return [handle for handle in found if handle is not None]


def write_handles(folder: Path, handles: list[Handle], give: Callable[[Path], None] | None = None) -> None:
    """Keep them in the data folder, in the place of those that are there.

    Args:
        folder: The data folder.
        handles: All of them.
        give: Lets a file belong to the server's user, who has to read all of the folder for a base backup.
    """
    replace_file(folder / HANDLES, json.dumps(handles), give)


def _handle_of(process: psutil.Process) -> Handle:
    return Handle(process.pid, round(process.create_time() - psutil.boot_time(), 2))


def _find(handle: Handle) -> Handle | None:
    process = _running(handle.pid)
    return handle if process is not None and _handle_of(process) == handle else None


def _find_former(pid: int, written: float) -> Handle | None:
    """Of a number alone, as earlier versions wrote it: a process that started after that is another one."""
    process = _running(pid)
    if process is None or process.create_time() > written + _CLOCK_SECONDS:
        return None
    return _handle_of(process)


def _running(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        # read here, and kept: the process may end at any time
        process.create_time()
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except (psutil.NoSuchProcess, ValueError):
        return None
