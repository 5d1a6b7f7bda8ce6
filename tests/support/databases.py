"""Servers and databases of tests: a server a test process, a copy of the migrated template a test."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString, Protocol

import psutil
import psycopg
from psycopg.sql import SQL, Identifier

from app.database import EmbeddedPostgres

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Settings of a server whose data need not outlive a power cut."""

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only a folder below it, of an unguessable name, is used
_ENOUGH_BYTES = 6 * 2**30
"""Free memory from which on data folders lie in it: copying a database there takes a fifth of the time."""

_numbers = itertools.count(1)


class Server(Protocol):
    """A running server; its URL names one of its databases and a superuser."""

    @property
    def url(self) -> str:
        """Libpq URL."""


@contextmanager
def folder_of_a_server() -> Iterator[Path]:
    """A folder that the server's user can reach.

    Not below pytest's own folder, which another run of the same user closes to others when it begins.
    """
    with tempfile.TemporaryDirectory(prefix="vibe-search-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def running_server(settings: dict[str, str] | None = None) -> Iterator[EmbeddedPostgres]:
    """A server in a folder of its own, gone afterwards.

    Args:
        settings: Parameters of the server; those of ``FAST`` by default.
    """
    with (
        # not below pytest's own folder, which another run of the same user closes to the server's user
        tempfile.TemporaryDirectory(prefix="vibe-search-", dir=_fastest_folder(), ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder) / "postgres", settings=FAST if settings is None else settings) as server,
    ):
        yield server


def sibling(url: str, name: str) -> str:
    """URL of another database of an embedded server.

    Args:
        url: Of any of its databases.
        name: Of the other one.
    """
    address, _, rest = url.partition("?")
    return f"{address.rpartition('/')[0]}/{name}?{rest}"


@contextmanager
def new_database(server: Server, template: str = "template0", options: LiteralString = "") -> Iterator[str]:
    """URL of a new database, dropped afterwards.

    Args:
        server: Where.
        template: What it is a copy of. Nothing may be connected to that.
        options: More of ``create database``, such as a locale.
    """
    name = f"test_{next(_numbers)}"
    with psycopg.connect(sibling(server.url, "postgres"), autocommit=True) as admin:
        create = SQL("create database {} template {} strategy file_copy ").format(
            Identifier(name), Identifier(template)
        )
        admin.execute(create + SQL(options))
    try:
        yield sibling(server.url, name)
    finally:
        with psycopg.connect(sibling(server.url, "postgres"), autocommit=True) as admin:
            admin.execute(SQL("drop database if exists {} with (force)").format(Identifier(name)))


def _fastest_folder() -> Path | None:
    """Where servers' data is copied fastest: in memory where there is plenty, else the system's folder."""
    if not _SHARED_MEMORY.is_dir():
        return None
    free = min(psutil.virtual_memory().available, shutil.disk_usage(_SHARED_MEMORY).free)
    return _SHARED_MEMORY if free > _ENOUGH_BYTES else None
