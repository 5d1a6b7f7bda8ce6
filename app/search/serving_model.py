"""Which model the database serves, followed while it is changed."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Protocol, Self

from app.database import Database
from app.errors import DatabaseUnavailableError
from services.embedding import EmbeddingProvider

_log = logging.getLogger(__name__)

FOLLOW_SECONDS = 5.0
"""How often a process looks which models are in use: so early it has loaded a candidate before that serves."""

_RETRY_SECONDS = 60.0
"""After a model could not be loaded: telling a damaged file from a sound one reads all of it."""


class Providing(Protocol):
    """Where the providers come from."""

    @property
    def embedding(self) -> EmbeddingProvider:
        """The model to begin with, until the database has been asked."""
        ...

    def embedding_of(self, identity: str) -> EmbeddingProvider | None:
        """The provider of an identity, or None where this installation knows no such model."""
        ...


@dataclass(frozen=True)
class _OneModel:
    embedding: EmbeddingProvider

    def embedding_of(self, identity: str) -> EmbeddingProvider | None:
        return self.embedding if identity == self.embedding.card.identity else None


class ServingModel:
    """The provider of the model that serves, as far as this process knows.

    A search carries the identity of the model that made its vector, and the database compares nothing else with its
    own. So this may be late, never wrong: a search that finds it late brings it up to date and asks again.

    Args:
        providers: Where providers come from.
    """

    def __init__(self, providers: Providing) -> None:
        self._providers = providers
        self._provider = providers.embedding
        self._usable = True
        self._loaded = False
        self._failed_at: dict[str, float] = {}
        self._reason: str | None = None
        self._refreshing = asyncio.Lock()

    @classmethod
    def fixed(cls, embedding: EmbeddingProvider) -> Self:
        """A process that knows one model alone."""
        return cls(_OneModel(embedding))

    @property
    def provider(self) -> EmbeddingProvider | None:
        """The provider, or None while its model is not there: then everything is answered by name, at once."""
        return self._provider if self._usable else None

    @property
    def reason(self) -> str | None:
        """Why there is no provider, in words; None while there is one."""
        return self._reason

    async def load(self) -> None:
        """Load the model to begin with."""
        await self._take(self._provider)

    async def refresh(self, database: Database) -> None:
        """Ask the database, load what is in use, the candidate too, and go by the one that serves.

        Raises:
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        async with self._refreshing:
            for row in await database.all("models_in_use"):
                provider = self._providers.embedding_of(row.identity)
                if row.serving:
                    await self._serve(row.identity, provider)
                elif provider is not None and self._may_load(provider):
                    await self._preload(provider)

    async def follow(self, database: Database, every_seconds: float = FOLLOW_SECONDS) -> None:
        """Refresh for ever; an outage of Postgres is waited out, for every search tells of it."""
        while True:
            try:
                await self.refresh(database)
            except DatabaseUnavailableError:
                _log.debug("Postgres cannot be asked which model serves")
            except Exception:  # noqa: BLE001 - whatever it was, the next round may succeed, and searches must go on
                _log.exception("it could not be told which model serves")
            await asyncio.sleep(every_seconds)

    async def _serve(self, identity: str, provider: EmbeddingProvider | None) -> None:
        if provider is None:
            self._fail(f"the database serves vectors of {identity}, a model that is not known here")
        elif provider is not self._provider or (not self._loaded and self._may_load(provider)):
            await self._take(provider)

    def _may_load(self, provider: EmbeddingProvider) -> bool:
        return time.monotonic() - self._failed_at.get(provider.card.identity, float("-inf")) > _RETRY_SECONDS

    async def _take(self, provider: EmbeddingProvider) -> None:
        try:
            await asyncio.to_thread(provider.load)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a model, names can be searched
            self._provider = provider
            self._failed_at[provider.card.identity] = time.monotonic()
            self._fail(f"{provider.card.identity} cannot be loaded: {error}")
            return
        self._provider, self._loaded, self._usable, self._reason = provider, True, True, None

    async def _preload(self, provider: EmbeddingProvider) -> None:
        try:
            await asyncio.to_thread(provider.load)
        except Exception as error:  # noqa: BLE001 - told again, louder, when it is to serve
            self._failed_at[provider.card.identity] = time.monotonic()
            _log.warning("the candidate %s cannot be loaded here: %s", provider.card.identity, error)

    def _fail(self, reason: str) -> None:
        if reason != self._reason:
            _log.error("%s: everything is answered by name alone", reason)
        self._usable, self._loaded, self._reason = False, False, reason
