"""A physical replica of a test's server: a copy that takes over what the server writes."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from app.database import EmbeddedPostgres, find_program
from app.database.postgres_server import DataFolder


@contextmanager
def running_standby(primary: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """A hot standby that follows a server, gone afterwards.

    Args:
        primary: The server; it lets everybody in who reaches its socket.
    """
    with tempfile.TemporaryDirectory(prefix="vibe-search-", ignore_cleanup_errors=True) as above:
        folder = Path(above) / "standby"
        program = find_program("pg_basebackup")
        command = [
            str(program),
            "--pgdata",
            str(folder),
            "--dbname",
            primary.url,
            "--checkpoint=fast",
            "--write-recovery-conf",
        ]
        subprocess.run(command, check=True, capture_output=True)
        owned = DataFolder(folder)
        for path in (folder, *folder.rglob("*")):
            owned.give(path)
        with EmbeddedPostgres(folder) as standby:
            yield standby


def wait_replayed(primary: psycopg.Connection, standby: psycopg.Connection) -> None:
    """Return once the standby has replayed what the primary has flushed.

    Args:
        primary: A connection without a transaction. A commit is flushed only with ``synchronous_commit``.
        standby: A connection without a transaction.
    """
    row = primary.execute("select pg_current_wal_flush_lsn()").fetchone()
    assert row is not None
    while standby.execute("select where pg_last_wal_replay_lsn() >= %s::pg_lsn", row).fetchone() is None:
        pass
