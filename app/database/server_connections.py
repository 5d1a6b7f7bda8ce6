"""What each connection of an engine learns of its server, and what is done with every statement because of it.

Behind a transaction pooler each transaction may run on another connection of the server, which other clients use next.
So nothing is set for a session there. The schemas of a database are put into the text of each statement, in place of a
search path.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import psycopg
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from app.database.qualified_names import Homes
from app.database.sql_files import load_query

SERVER = "vibe_search_server"
"""In the ``info`` of a connection: what it knows of its server, a ``KnownServer``."""

_READ_AT = "vibe_search_read_at"

_FRESH_SECONDS = 1.0
"""How long the schemas are taken for known: an adoption, or the release of a catalogue, may change them."""

_PREPARE_THRESHOLD = 5
"""Uses of a statement after which it is prepared: planning is a tenth of the CPU time of a search for names."""

_BACKSTOP = """
    select set_config('statement_timeout', '{milliseconds}', false) from pg_settings
    where name = 'statement_timeout' and (setting::bigint = 0 or setting::bigint > {milliseconds})
      and pg_backend_pid() = {pid}
"""
"""The server's own limit, unless a stricter one holds. Behind a transaction pooler the setting would stay with a server
connection that others use next: there the process that the client was told of is not the one that answers."""


@dataclass(frozen=True)
class KnownServer:
    """What a connection has read of its server and its database.

    Attributes:
        pooled: Whether a pooler stands before it, by the process that the client was told of: another one answers.
        tables: Tables of the catalogue for which there is a view or a table in search.
        queue: Schema of the queue.
        extensions: Each extension with its schema.
    """

    pooled: bool
    tables: tuple[str, ...]
    queue: str
    extensions: tuple[tuple[str, str], ...]

    def bind(self, statement: str) -> str:
        """A statement with the schemas of this database in place of those that it names.

        Raises:
            UserError: An extension is in a schema whose name would have to be quoted.
            ValueError: The statement names something in public that is not known to be there.
        """
        return _bind_statement(self, statement)


@lru_cache(maxsize=2048)
def _bind_statement(server: KnownServer, statement: str) -> str:
    homes = Homes(dict.fromkeys(server.tables, "search"), server.queue, dict(server.extensions))
    return homes.bind(statement)


def follow_server(engine: Engine, *, prepare: bool, backstop_seconds: float | None = None) -> None:
    """Have each connection of an engine know its server, and bind each statement to the schemas that are there.

    Args:
        engine: Nothing is connected yet.
        prepare: Whether statements are prepared where no pooler is in the way.
        backstop_seconds: After this time the server ends a statement; None leaves that to the role.
    """
    event.listen(engine, "connect", partial(_meet_server, prepare=prepare, backstop_seconds=backstop_seconds))
    event.listen(engine, "checkout", _refresh)
    event.listen(engine, "before_cursor_execute", _bind, retval=True)


def _meet_server(
    connection: DBAPIConnection, entry: ConnectionPoolEntry, *, prepare: bool, backstop_seconds: float | None
) -> None:
    """Read what a new connection has to know, and set the limit by which the server ends what this process does not."""
    backstop = None
    if backstop_seconds is not None:
        pid = int(connection.driver_connection.info.backend_pid)
        backstop = _BACKSTOP.format(milliseconds=round(backstop_seconds * 1000), pid=pid)
    _read(connection, entry, backstop)
    server: KnownServer = entry.info[SERVER]
    if prepare and not server.pooled:
        connection.driver_connection.prepare_threshold = _PREPARE_THRESHOLD


def _refresh(connection: DBAPIConnection, entry: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
    if time.monotonic() - entry.info[_READ_AT] < _FRESH_SECONDS:
        return
    try:
        _read(connection, entry)
    except psycopg.OperationalError as error:
        if connection.driver_connection.closed:
            # it has outlived a restart: the pool makes another
            raise DisconnectionError from error
        raise


def _read(connection: DBAPIConnection, entry: ConnectionPoolEntry, more: str | None = None) -> None:
    """Read what a connection has to know; another statement may go along with it."""
    statement = str(load_query("known_server"))
    rows = _execute(connection, statement if more is None else f"{statement}; {more}")
    tables, own_queue, extensions, schemas, pid = rows[0]
    entry.info[SERVER] = KnownServer(
        pooled=int(pid) != connection.driver_connection.info.backend_pid,
        tables=tuple(tables),
        queue="search" if own_queue else "public",
        extensions=tuple(zip(extensions, schemas, strict=True)),
    )
    entry.info[_READ_AT] = time.monotonic()


def _execute(connection: DBAPIConnection, statement: str) -> Sequence[Any]:
    """Rows of the first of some statements, which are one transaction."""
    autocommit = connection.autocommit
    if not autocommit:
        connection.autocommit = True
    try:
        with closing(connection.cursor()) as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())
    finally:
        if not autocommit:
            connection.autocommit = False


def _bind(
    connection: Connection,
    _cursor: DBAPICursor,
    statement: str,
    parameters: Any,  # noqa: ANN401 - as above
    _context: object,
    _executemany: bool,
) -> tuple[str, Any]:
    server: KnownServer | None = connection.info.get(SERVER)
    # the dialect's own statements, before the connection is there, name nothing of ours
    return (statement if server is None else server.bind(statement)), parameters
