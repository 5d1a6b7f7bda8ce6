"""Connections of procrastinate to its queue, wherever that is, and whatever stands before the server."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.connector import Notify
from procrastinate.exceptions import ConnectorException

from app.database import connect_arguments, normalise_url
from app.database.refused_connections import explain_failure
from app.database.setting_in_use import DIRECT_URL, using_setting

_log = logging.getLogger(__name__)

_NAMED = re.compile(r"(?<![\w.#])procrastinate_\w+")


class QueueConnector(PsycopgConnector):
    """A pool that sets nothing for a session: statements name the queue's schema, and none is prepared.

    So a transaction pooler may stand before the server. LISTEN needs a session, and has a connection of its own.

    Args:
        url: libpq URL of the database.
        size: Connections at most.
        schema: Where the queue is.
        direct_url: URL of the same database for LISTEN, past a pooler; None takes the other.
        poll_seconds: How often jobs are looked for where nothing is heard of them.
    """

    def __init__(self, url: str, *, size: int, schema: str, direct_url: str | None, poll_seconds: float) -> None:
        self._schema = schema
        self._url = url
        self._direct_url = direct_url
        self._poll_seconds = poll_seconds
        self._deaf = False
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

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """As procrastinate's; without DATABASE_DIRECT_URL's server, workers go on, and look for jobs themselves."""
        channels = list(channels)
        if self._direct_url is None:
            await super().listen_notify(on_notification, channels)
            return
        while True:
            try:
                await super().listen_notify(on_notification, channels)
            except ConnectorException as error:
                self._say_deaf(error)
            await asyncio.sleep(self._poll_seconds)

    @asynccontextmanager
    async def _get_standalone_connection(self) -> AsyncGenerator[psycopg.AsyncConnection]:
        """The connection that listens."""
        url = self._direct_url or self._url
        connecting = psycopg.AsyncConnection.connect(normalise_url(url), autocommit=True, **connect_arguments(url))
        async with await connecting as connection:
            if self._deaf:
                self._deaf = False
                _log.warning("DATABASE_DIRECT_URL answers again: new jobs begin at once")
            yield connection

    def _say_deaf(self, error: ConnectorException) -> None:
        """Say once that nothing is heard, whichever of the workers has found out."""
        if self._deaf:
            return
        self._deaf = True
        cause = error.__cause__
        with using_setting(DIRECT_URL):
            reason = explain_failure(cause) if isinstance(cause, psycopg.Error) else error
        _log.warning(
            "workers do not hear of new jobs by DATABASE_DIRECT_URL, and look for them every %g s until they do: %s",
            self._poll_seconds,
            reason,
        )
