"""What each connection of an engine learns of its server, and what is done with every statement because of it.

Behind a transaction pooler each transaction may run on another connection of the server, which other clients use next.
So nothing is set for a session there. The schemas of a database are put into the text of each statement, in place of a
search path.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor

from app.database.qualified_names import Homes, homes_of
from app.database.sql_files import load_query

SERVER = "vibe_search_server"
"""In the ``info`` of a connection: what it knows of its server, a ``KnownServer``."""

_MET_AT = "vibe_search_met_at"
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
        own_queue: Whether the queue is in search.
        extensions: Each extension with its schema.
    """

    pooled: bool
    tables: tuple[str, ...]
    own_queue: bool
    extensions: tuple[tuple[str, str], ...]

    def homes(self) -> Homes:
        """The schemas of its database."""
        return homes_of(self.tables, own_queue=self.own_queue, extensions=self.extensions)

    def bind(self, statement: str) -> str:
        """A statement with the schemas of this database in place of those that it names.

        Raises:
            UserError: An extension is in a schema whose name would have to be quoted.
            ValueError: The statement names something in public that is not known to be there.
        """
        return _bind_statement(self, statement)


@lru_cache(maxsize=2048)
def _bind_statement(server: KnownServer, statement: str) -> str:
    return server.homes().bind(statement)


def follow_server(engine: Engine) -> None:
    """Bind each statement of an engine to the schemas that are there, once its connection has learnt of them."""
    event.listen(engine, "before_cursor_execute", _bind, retval=True)


def knows_server(info: dict[str, Any]) -> bool:
    """Whether a connection of this ``info`` has learnt of its server so lately that it need not ask again."""
    read_at: float | None = info.get(_READ_AT)
    return read_at is not None and time.monotonic() - read_at < _FRESH_SECONDS


def is_older(info: dict[str, Any], moment: float) -> bool:
    """Whether a connection of this ``info`` was there before a moment of the monotonic clock."""
    met_at: float | None = info.get(_MET_AT)
    return met_at is not None and met_at < moment


def learn_server(connection: Connection, *, prepare: bool, backstop_seconds: float | None = None) -> bool:
    """Read what a connection has to know of its server; a new one is set up for it.

    This asks the server, which may not answer: the caller limits the time. A connection that fails is given up.

    Args:
        connection: Of an engine that follows its server, without a transaction.
        prepare: Whether statements are prepared where no pooler is found.
        backstop_seconds: After this time the server ends a statement; None leaves that to the role.

    Returns:
        Whether it is there. One that has outlived a restart of the server is not: take another.

    Raises:
        psycopg.Error: What the server says.
    """
    dbapi: DBAPIConnection = connection.connection
    info = connection.info
    new = SERVER not in info
    more = ""
    if new and backstop_seconds is not None:
        pid = int(dbapi.driver_connection.info.backend_pid)
        more = f"; {_BACKSTOP.format(milliseconds=round(backstop_seconds * 1000), pid=pid)}"
    try:
        server = _read(dbapi, more)
    except BaseException as error:
        lost = not new and _is_lost(error)
        # in the same task as the statement: a caller that is cancelled again cannot leave it half done
        connection.invalidate(error if isinstance(error, Exception) else None)
        if lost:
            return False
        raise
    if new and prepare and not server.pooled:
        dbapi.driver_connection.prepare_threshold = _PREPARE_THRESHOLD
    info[SERVER], info[_READ_AT] = server, time.monotonic()
    info.setdefault(_MET_AT, info[_READ_AT])
    return True


def _is_lost(error: BaseException) -> bool:
    """Whether the connection was gone already; another one is worth a try then, but not where a pooler is full."""
    if not isinstance(error, psycopg.OperationalError) or "query_wait_timeout" in str(error):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))


def _read(connection: DBAPIConnection, more: str) -> KnownServer:
    """What there is to know; another statement goes along with it."""
    rows = _execute(connection, f"{load_query('known_server')}{more}")
    tables, own_queue, extensions, schemas, pid = rows[0]
    return KnownServer(
        pooled=int(pid) != connection.driver_connection.info.backend_pid,
        tables=tuple(tables),
        own_queue=own_queue,
        extensions=tuple(zip(extensions, schemas, strict=True)),
    )


def _execute(connection: DBAPIConnection, statement: str) -> Sequence[Any]:
    """Rows of the first of some statements, which are one transaction."""
    autocommit = connection.autocommit
    if not autocommit:
        connection.autocommit = True
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement)
        rows = list(cursor.fetchall())
    # not after an error: the connection is given up, and may be closed
    if not autocommit:
        connection.autocommit = False
    return rows


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
