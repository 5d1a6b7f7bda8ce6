"""Connections of procrastinate to its queue, wherever that is, and whatever stands before the server."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from procrastinate import PsycopgConnector

from app.database import connect_arguments, normalise_url

_NAMED = re.compile(r"(?<![\w.#])procrastinate_\w+")


class QueueConnector(PsycopgConnector):
    """A pool that sets nothing for a session: statements name the queue's schema, and none is prepared.

    So a transaction pooler may stand before the server. LISTEN needs a session, and has a connection of its own.

    Args:
        url: libpq URL of the database.
        size: Connections at most.
        schema: Where the queue is.
        direct_url: URL of the same database for LISTEN, past a pooler.
    """

    def __init__(self, url: str, *, size: int, schema: str, direct_url: str) -> None:
        self._schema = schema
        self._direct_url = direct_url
        super().__init__(conninfo=normalise_url(url), kwargs=connect_arguments(url), min_size=1, max_size=size)

    async def execute_query_async(self, query: str, **arguments: object) -> None:
        """As procrastinate's; the statement names the queue's schema."""
        await super().execute_query_async(self._qualify(query), **arguments)

    async def execute_query_one_async(self, query: str, **arguments: object) -> dict[str, Any]:
        """As procrastinate's; the statement names the queue's schema."""
        found: dict[str, Any] = await super().execute_query_one_async(self._qualify(query), **arguments)
        return found

    async def execute_query_all_async(self, query: str, **arguments: object) -> list[dict[str, Any]]:
        """As procrastinate's; the statement names the queue's schema."""
        found: list[dict[str, Any]] = await super().execute_query_all_async(self._qualify(query), **arguments)
        return found

    async def execute_query_one_async_with_connection(
        self, connection: psycopg.AsyncConnection, query: str, **arguments: object
    ) -> dict[str, Any]:
        """As procrastinate's; the statement names the queue's schema."""
        found: dict[str, Any] = await super().execute_query_one_async_with_connection(
            connection, self._qualify(query), **arguments
        )
        return found

    async def execute_query_all_async_with_connection(
        self, connection: psycopg.AsyncConnection, query: str, **arguments: object
    ) -> list[dict[str, Any]]:
        """As procrastinate's; the statement names the queue's schema."""
        found: list[dict[str, Any]] = await super().execute_query_all_async_with_connection(
            connection, self._qualify(query), **arguments
        )
        return found

    def _qualify(self, query: str) -> str:
        return _NAMED.sub(lambda found: f"{self._schema}.{found[0]}", query)

    @asynccontextmanager
    async def _get_standalone_connection(self) -> AsyncGenerator[psycopg.AsyncConnection]:
        """The connection that listens."""
        url = self._direct_url
        connecting = psycopg.AsyncConnection.connect(normalise_url(url), autocommit=True, **connect_arguments(url))
        async with await connecting as connection:
            yield connection
