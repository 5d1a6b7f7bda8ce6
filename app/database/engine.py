"""The configured database for a command: opened, of this version's schema, and closed again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import text

from app.database.embedded import open_database
from app.database.schema import require_schema
from app.database.session import Database
from app.settings import Settings

Result = TypeVar("Result")

_CONNECTIONS = 3


def run_with_database(
    settings: Settings, steps: Callable[[str, Database], Awaitable[Result]], *, connections: int = _CONNECTIONS
) -> Result:
    """What some steps return.

    Args:
        settings: Which database.
        steps: Given its URL and the database.
        connections: How many it has at most.

    Raises:
        UserError: Its schema is of another version.
        DatabaseUnavailableError: Postgres cannot be reached.
    """

    async def run(url: str) -> Result:
        async with Database.open(url, pool_size=connections) as database:
            return await steps(url, database)

    with open_database(settings) as url:
        require_schema(url)
        return asyncio.run(run(url))


async def call_function(database: Database, call: str, **parameters: object) -> Any:  # noqa: ANN401 - what SQL returns
    """What a function of the schema `search` returns, in a transaction of its own.

    Args:
        database: The database.
        call: The function with names of parameters, such as `search.cancel_jobs(:task)`; a constant of the program.
        parameters: Their values.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    # workers go on meanwhile: a snapshot of the whole transaction would be refused
    async with database.transaction() as transaction:
        return await transaction.scalar(text(f"select {call}"), parameters)
