"""The namespaces of the mirror: which serves, which is being filled, which are to go."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.database import guard_connection, load_query


@dataclass(frozen=True)
class Namespace:
    """One of them, as the database knows it.

    Attributes:
        generation: Which of all that there have been.
        name: In the mirror.
        state: What it is there for.
        identity: The model whose vectors it has; None once that was removed.
        dimensions: Of those.
        of_serving_model: Whether that model serves.
        filled_to: The last track that was written while it is filled.
        filled_tracks: How many were.
        filled: Whether all were.
        may_fill: Whether all transactions are over that could not see it.
    """

    generation: int
    name: str
    state: Literal["filling", "serving", "retired"]
    identity: str | None
    dimensions: int | None
    of_serving_model: bool
    filled_to: int | None
    filled_tracks: int
    filled: bool
    may_fill: bool

    @property
    def in_use(self) -> bool:
        """Whether it has to be told about changes."""
        return self.state in {"filling", "serving"}


async def read_namespaces(engine: AsyncEngine) -> list[Namespace]:
    """All that are in use or to be dropped, the oldest first.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with guard_connection():
        async with engine.connect() as connection:
            return await list_namespaces(connection)


async def list_namespaces(connection: AsyncConnection) -> list[Namespace]:
    """The same on a connection that is there already."""
    rows = (await connection.execute(load_query("mirror_namespaces"))).mappings()
    return [Namespace(**row) for row in rows]


async def list_dropped(connection: AsyncConnection, within: timedelta) -> list[str]:
    """Names of those that were retired and dropped within a time."""
    return list((await connection.execute(load_query("mirror_dropped_namespaces"), {"within": within})).scalars())


async def begin_namespace(connection: AsyncConnection, base: str) -> str | None:
    """Note a new one for the serving model, to be filled; its name, or None where one is being filled already."""
    name: str | None = (
        await connection.execute(load_query("mirror_begin_namespace"), {"base": base})
    ).scalar_one_or_none()
    return name


async def retire_namespace(connection: AsyncConnection, namespace: Namespace) -> None:
    """Have it dropped."""
    await connection.execute(load_query("mirror_retire_namespace"), {"generation": namespace.generation})


async def serve_namespace(engine: AsyncEngine, namespace: Namespace) -> None:
    """Let a filled one serve, in the place of the one that did, in one transaction; nothing where it serves already."""
    async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        await connection.execute(load_query("mirror_serve_namespace"), {"generation": namespace.generation})


async def remember_dropped(connection: AsyncConnection, namespace: Namespace) -> None:
    """Note that it is gone."""
    await connection.execute(load_query("mirror_record_dropped"), {"generation": namespace.generation})


async def retire_all(engine: AsyncEngine) -> None:
    """Have every namespace dropped, and want no other."""
    async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        await connection.execute(load_query("mirror_set_wanted"), {"wanted": False})
        await connection.execute(load_query("mirror_retire_namespaces"))


async def begin_rebuild(engine: AsyncEngine, base: str) -> None:
    """Want a mirror, and have a new namespace filled unless one is being filled already."""
    async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        await connection.execute(load_query("mirror_set_wanted"), {"wanted": True})
        await begin_namespace(connection, base)
