"""One search: embed the text within a deadline, then ask Postgres once."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy import float32
from numpy.typing import NDArray
from pgvector import HalfVector
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.database import guard_connection, load_query
from app.errors import DatabaseUnavailableError
from services.embedding import EmbeddingProvider

ENTITY_TYPES = ("track", "artist", "album", "tag", "playlist")
"""Kinds of results, in the order in which equals are listed."""

_log = logging.getLogger(__name__)


def parse_types(value: str) -> list[str]:
    """The types in a comma-separated list of plurals, in the order of ENTITY_TYPES.

    Raises:
        ValueError: One is unknown; the message names them all.
    """
    names = [name.strip().lower() for name in value.split(",")]
    plurals = {f"{kind}s": kind for kind in ENTITY_TYPES} | {kind: kind for kind in ENTITY_TYPES}
    unknown = [name for name in names if name not in plurals]
    if unknown:
        known = ", ".join(f"{kind}s" for kind in ENTITY_TYPES)
        raise ValueError(f"unknown type {unknown[0]!r}: choose from {known}, comma-separated")
    wanted = {plurals[name] for name in names}
    return [kind for kind in ENTITY_TYPES if kind in wanted]


@dataclass(frozen=True)
class Hit:
    """One result.

    Attributes:
        type: One of ENTITY_TYPES.
        tier: How it matched best: exact, prefix, word_prefix, substring, fuzzy or sound.
        matched: Everything that matched: title, handle, display_name, name, artist, album, tag, sound.
        relevance: 0 to 1 within its tier; not comparable between tiers.
        similarity: Cosine similarity of the sound to the text, when sound matched.
        details: The entity's own fields, as the endpoint shows them.
    """

    type: str
    tier: str
    matched: list[str]
    relevance: float
    similarity: float | None
    details: dict[str, Any]

    @property
    def label(self) -> str:
        """What the entity is called."""
        return str(self.details.get("title") or self.details.get("display_name") or self.details.get("name"))

    @property
    def artist(self) -> str:
        """Whose it is; empty for artists and tags."""
        return str(self.details.get("artist_display_name") or self.details.get("owner_display_name") or "")


@dataclass(frozen=True)
class Answer:
    """What a search found.

    Attributes:
        hits: Best first.
        available: Whether the text could be compared with sounds.
        milliseconds: Time of the one statement, with its round trip.
    """

    hits: list[Hit]
    available: bool
    milliseconds: float

    @property
    def counts(self) -> dict[str, int]:
        """Hits by type, under the plural names of the endpoint."""
        found = Counter(hit.type for hit in self.hits)
        return {f"{kind}s": found[kind] for kind in ENTITY_TYPES}


class Search:
    """Searches one database with one embedding provider.

    Args:
        engine: Autocommitting engine: a search is one round trip.
        embedding: Makes vectors of texts.
        deadline_seconds: How long a search waits for its vector.
    """

    def __init__(self, engine: AsyncEngine, embedding: EmbeddingProvider, *, deadline_seconds: float) -> None:
        self._engine = engine
        self._embedding = embedding
        self._deadline_seconds = deadline_seconds

    async def unified(
        self, text: str, *, types: list[str] | None = None, limit: int = 20, viewer: str | None = None
    ) -> Answer:
        """Everything that matches by name or by sound, at most ``limit`` of each type.

        Raises:
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        wanted = types is None or "track" in types
        vector = await self._embed(text) if wanted else None
        answer = await self._ask(text, vector, types, limit, viewer)
        # where nothing that sounds was asked for, nothing is lacking
        return answer if wanted else replace(answer, available=True)

    async def semantic(self, text: str, *, limit: int = 10, viewer: str | None = None) -> Answer:
        """Tracks ranked by how they sound, and nothing else.

        Raises:
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        vector = await self._embed(text)
        if vector is None:
            return Answer([], available=False, milliseconds=0.0)
        return await self._ask(None, vector, ["track"], limit, viewer)

    async def _embed(self, text: str) -> NDArray[float32] | None:
        """The text's vector, or None when there is none in time: names are found without it."""
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._embedding.embed_text, text), self._deadline_seconds)
        except TimeoutError:
            _log.warning("no vector within %.3f s: answered by name alone", self._deadline_seconds)
        except ValueError:
            _log.debug("the text has nothing to embed: answered by name alone")
        except Exception:  # noqa: BLE001 - any failure of a model must leave search by name standing
            _log.exception("the embedding provider failed: answered by name alone")
        return None

    async def _ask(
        self,
        text: str | None,
        vector: NDArray[float32] | None,
        types: list[str] | None,
        limit: int,
        viewer: str | None,
    ) -> Answer:
        parameters = {
            # Postgres has no NUL in text, and no title contains one
            "q": None if text is None else text.replace("\0", ""),
            "query_embedding": None if vector is None else HalfVector(vector).to_text(),
            "identity": self._embedding.card.identity,
            "viewer": viewer,
            "types": types,
            "max_per_type": limit,
        }
        try:
            rows, milliseconds = await self._fetch(parameters)
        except DatabaseUnavailableError:
            # a pooled connection may have outlived a restart of the server; the pool has dropped it now
            rows, milliseconds = await self._fetch(parameters)
        hits = [
            Hit(row.type, row.tier, list(row.matched), row.relevance, row.similarity, row.details)
            for row in rows
            if row.type is not None
        ]
        return Answer(hits, available=vector is not None and rows[0].comparable, milliseconds=milliseconds)

    async def _fetch(self, parameters: Mapping[str, object]) -> tuple[list[Any], float]:
        with guard_connection():
            async with self._engine.connect() as connection:
                return await _timed(connection, parameters)


async def _timed(connection: AsyncConnection, parameters: Mapping[str, object]) -> tuple[list[Any], float]:
    started = time.perf_counter()
    rows = (await connection.execute(load_query("unified_search"), parameters)).all()
    return list(rows), (time.perf_counter() - started) * 1000
