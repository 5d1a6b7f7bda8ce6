"""PgBouncer before a server of the tests, as operators run it: transactions, or sessions, share a few connections."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.support.served import running

Mode = Literal["transaction", "session", "statement"]

POOL_SIZES: dict[Mode, int] = {"transaction": 3, "session": 50, "statement": 3}
"""Connections that all clients of a database share: fewer than a web process or a worker has, or else one for each
client, which keeps it."""

INSTALLED = shutil.which("pgbouncer") is not None

_STATE = """
    select current_setting('search_path') || ' ' || current_setting('statement_timeout') || ' '
               || current_setting('lock_timeout'),
           (select count(*) from pg_prepared_statements) + (select count(*) from pg_listening_channels())
               + (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())
"""


@dataclass
class PgBouncer:
    """A pooler.

    Attributes:
        port: Where it listens, on loopback.
        folder: Its configuration.
        user: Who runs it.
        mode: What a client keeps a connection of the server for.
    """

    port: int
    folder: Path
    user: str
    mode: Mode
    _process: ExitStack = field(default_factory=ExitStack)

    def url(self, database: str) -> str:
        """URL of a database behind it.

        Args:
            database: URL of the same database before the server itself.
        """
        parts = conninfo_to_dict(database)
        return f"postgresql://{quote(str(parts['user']))}@127.0.0.1:{self.port}/{parts['dbname']}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        # it refuses to be root, and root may become the user of the server's socket
        become = ["-u", self.user] if os.geteuid() == 0 else []
        program = shutil.which("pgbouncer")
        assert program is not None
        self._process.enter_context(running([program, "-q", *become, self.folder / "pgbouncer.ini"], self._listens))

    def stop(self) -> None:
        """Stop it, with all its connections."""
        self._process.close()

    def restart(self) -> None:
        """Stop it, and start it at the same place."""
        self.stop()
        self.start()

    def states(self, database: str) -> list[tuple[Any, ...]]:
        """What another client finds on the connections of the pool: its settings, and what is left of a session.

        Args:
            database: URL of a database before the server itself; nothing uses its pool at the moment.
        """
        with ExitStack() as stack:
            # each keeps a transaction open, so that others of the pool are seen
            clients = [
                stack.enter_context(psycopg.connect(self.url(database), prepare_threshold=None))
                for _ in range(POOL_SIZES["transaction"])
            ]
            return [row for client in clients for row in client.execute(_STATE).fetchall()]

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return False
        return True


@contextmanager
def pgbouncer(server: str, mode: Mode, **settings: object) -> Iterator[PgBouncer]:
    """Run one in front of a server that listens on a Unix socket and trusts its clients.

    Args:
        server: URL of any database of the server.
        mode: What a client keeps a connection of the server for.
        settings: Others, of its section ``[pgbouncer]``.
    """
    parts = conninfo_to_dict(server)
    with psycopg.connect(server) as connection:
        users = [str(name) for (name,) in connection.execute("select rolname from pg_roles where rolcanlogin")]
    with tempfile.TemporaryDirectory(prefix="vibe-search-") as name, socket.create_server(("127.0.0.1", 0)) as free:
        folder, port = Path(name), int(free.getsockname()[1])
        free.close()
        folder.chmod(0o755)
        (folder / "users.txt").write_text("".join(f'"{user}" ""\n' for user in users), encoding="utf-8")
        chosen: dict[str, object] = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "trust",
            "auth_file": folder / "users.txt",
            "pool_mode": mode,
            "default_pool_size": POOL_SIZES[mode],
            "max_client_conn": 1000,
        }
        lines = [f"{key} = {value}" for key, value in (chosen | settings).items()]
        databases = f"[databases]\n* = host={parts['host']} port={parts.get('port') or 5432}"
        (folder / "pgbouncer.ini").write_text("\n".join([databases, "[pgbouncer]", *lines, ""]), encoding="utf-8")
        server_socket = Path(str(parts["host"])) / f".s.PGSQL.{parts.get('port') or 5432}"
        pooler = PgBouncer(port, folder, server_socket.owner(), mode)
        pooler.start()
        try:
            yield pooler
        finally:
            pooler.stop()
