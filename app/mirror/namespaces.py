"""The namespaces of the mirror: which serves, which is being filled, which are to go."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from app.database import Database, Session


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


async def read_namespaces(session: Session) -> list[Namespace]:
    """All that are in use or to be dropped, the oldest first.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    return [Namespace(**row._asdict()) for row in await session.all("mirror_namespaces")]


async def list_dropped(session: Session, within: timedelta) -> list[str]:
    """Names of those that were retired and dropped within a time."""
    return [row[0] for row in await session.all("mirror_dropped_namespaces", {"within": within})]


async def begin_namespace(session: Session, base: str) -> str | None:
    """Note a new one for the serving model, to be filled; its name, or None where one is being filled already."""
    name: str | None = await session.scalar_or_none("mirror_begin_namespace", {"base": base})
    return name


async def retire_namespace(session: Session, namespace: Namespace) -> None:
    """Have it dropped."""
    await session.execute("mirror_retire_namespace", {"generation": namespace.generation})


async def serve_namespace(database: Database, namespace: Namespace) -> None:
    """Let a filled one serve, in the place of the one that did, in one transaction; nothing where it serves already."""
    async with database.transaction() as transaction:
        await transaction.execute("mirror_serve_namespace", {"generation": namespace.generation})


async def remember_dropped(session: Session, namespace: Namespace) -> None:
    """Note that it is gone."""
    await session.execute("mirror_record_dropped", {"generation": namespace.generation})


async def retire_all(database: Database) -> None:
    """Have every namespace dropped, and want no other."""
    async with database.transaction() as transaction:
        await transaction.execute("mirror_set_wanted", {"wanted": False})
        await transaction.execute("mirror_retire_namespaces")


async def begin_rebuild(database: Database, base: str) -> None:
    """Want a mirror, and have a new namespace filled unless one is being filled already."""
    async with database.transaction() as transaction:
        await transaction.execute("mirror_set_wanted", {"wanted": True})
        await begin_namespace(transaction, base)
