"""The configured database for a command: opened, of this version's schema, and closed again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.database.connection import create_engine, guard_connection
from app.database.embedded import open_database
from app.database.schema import require_schema
from app.settings import Settings

Result = TypeVar("Result")

_CONNECTIONS = 3


def run_with_engine(
    settings: Settings, steps: Callable[[str, AsyncEngine], Awaitable[Result]], *, connections: int = _CONNECTIONS
) -> Result:
    """What some steps return.

    Args:
        settings: Which database.
        steps: Given its URL and its connections.
        connections: How many of those there are at most.

    Raises:
        UserError: Its schema is of another version.
        DatabaseUnavailableError: Postgres cannot be reached.
    """

    async def run(url: str) -> Result:
        engine = create_engine(url, pool_size=connections)
        try:
            return await steps(url, engine)
        finally:
            await engine.dispose()

    with open_database(settings) as url:
        require_schema(url)
        return asyncio.run(run(url))


async def call_function(engine: AsyncEngine, call: str, **parameters: object) -> Any:  # noqa: ANN401 - what SQL returns
    """What a function of the schema `search` returns, in a transaction of its own.

    Args:
        engine: The database.
        call: The function with names of parameters, such as `search.cancel_jobs(:task)`; a constant of the program.
        parameters: Their values.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with guard_connection():
        # workers go on meanwhile: a snapshot of the whole transaction would be refused
        async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
            return (await connection.execute(text(f"select {call}"), parameters)).scalar_one()
