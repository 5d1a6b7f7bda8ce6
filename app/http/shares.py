"""The web process's connections to Postgres, divided so that no kind of request starves another."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Self

from app.database import Database
from app.settings import Settings


@dataclass(frozen=True)
class Shares:
    """How many connections each kind of request has, at most.

    Attributes:
        search: Searches.
        reads: Tokens, single tracks, and whatever else is read.
        writes: What changes the catalogue.
        streams: Event streams.
        health: Readiness, figures, and the models' progress.
    """

    search: int
    reads: int
    writes: int
    streams: int
    health: int

    @classmethod
    def divide(cls, total: int) -> Self:
        """Shares that add up to a total.

        A fifth reads, a fifth writes, one is for streams and one for health; the rest searches.

        Raises:
            ValueError: The total is less than one connection for each.
        """
        if total < LEAST:
            raise ValueError(f"{total} connections are too few: each of {LEAST} kinds of request needs one")
        reads = writes = max(1, total // 5)
        return cls(total - reads - writes - 2, reads, writes, 1, 1)


LEAST = 5
"""Connections that a web process needs: one for each share."""


@dataclass(frozen=True)
class Databases:
    """The database, once for each share; the attributes are those of `Shares`."""

    search: Database
    reads: Database
    writes: Database
    streams: Database
    health: Database


@asynccontextmanager
async def open_databases(url: str, settings: Settings) -> AsyncIterator[Databases]:
    """Open a pool for each share of DATABASE_POOL_SIZE, with the limits of the settings; closes them at the end.

    Args:
        url: libpq URL of the database.
        settings: The limits.
    """
    shares = Shares.divide(settings.database_pool_size)
    usual = settings.statement_timeout_seconds
    async with AsyncExitStack() as stack:

        async def open_share(size: int, seconds: float, lock_timeout: float | None = None) -> Database:
            opened = Database.open(url, pool_size=size, statement_timeout=seconds, lock_timeout=lock_timeout)
            return await stack.enter_async_context(opened)

        yield Databases(
            search=await open_share(shares.search, settings.search_statement_timeout_seconds),
            reads=await open_share(shares.reads, usual),
            writes=await open_share(shares.writes, usual, settings.write_lock_timeout_seconds),
            streams=await open_share(shares.streams, usual),
            health=await open_share(shares.health, usual),
        )
