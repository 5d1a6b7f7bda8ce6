"""Debian's own PostgreSQL, for tests of what an operator's server has: an older major version, an older pgvector."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.databases import FAST

_INSTALLATIONS = Path("/usr/lib/postgresql")
_CONTROL_FILES = Path("/usr/share/postgresql")
_SYSTEM_USER = "postgres"
_EXTENSIONS = ("vector", "pg_trgm", "unaccent", "fuzzystrmatch")


@dataclass(frozen=True)
class DebianPostgres:
    """A running server.

    Attributes:
        url: URL of its database ``postgres`` as its superuser.
        major: Its major version.
        programs: Folder of its programs.
    """

    url: str
    major: int
    programs: Path


@contextmanager
def running_debian_postgres() -> Iterator[DebianPostgres]:
    """A cluster of the newest PostgreSQL of this machine's Debian that has pgvector, gone afterwards.

    Without one, the test is skipped by name: `make debian-postgres` installs it.
    """
    found = _find_installation()
    if found is None:
        pytest.skip("no PostgreSQL of Debian with pgvector here: make debian-postgres")
    major, programs = found
    user: dict[str, Any] = {}
    # a short name: a socket's path has room for 103 bytes
    with tempfile.TemporaryDirectory(prefix="vibe-debian-", dir="/tmp", ignore_cleanup_errors=True) as above:
        folder = Path(above)
        if os.geteuid() == 0:
            entry = pwd.getpwnam(_SYSTEM_USER)
            user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        options: dict[str, Any] = {
            "stdout": subprocess.DEVNULL,
            "cwd": "/",
            "env": {"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        } | user
        data, log = folder / "data", folder / "log"
        made: list[str | Path] = [
            programs / "initdb",
            "-D",
            data,
            "--auth=trust",
            "--username=postgres",
            "--locale=C.UTF-8",
            "-N",
        ]
        subprocess.run(made, check=True, **options)
        settings = FAST | {"listen_addresses": "", "unix_socket_directories": above, "max_connections": "60"}
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        control: list[str | Path] = [programs / "pg_ctl", "-D", data, "-w", "-l", log, "-t", "600"]
        subprocess.run([*control, "start"], check=True, **options)
        try:
            yield DebianPostgres(f"postgresql://postgres:@/postgres?host={quote(above, safe='/')}", major, programs)
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, **options)


def _find_installation() -> tuple[int, Path] | None:
    """The newest major version that has all extensions, and the folder of its programs."""
    for folder in sorted(_INSTALLATIONS.glob("[0-9]*"), key=lambda path: int(path.name), reverse=True):
        extensions = _CONTROL_FILES / folder.name / "extension"
        programs = folder / "bin"
        complete = all((extensions / f"{name}.control").exists() for name in _EXTENSIONS)
        if complete and (programs / "initdb").exists():
            return int(folder.name), programs
    return None
