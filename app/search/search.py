"""One search: embed the query within a deadline, then ask Postgres once."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from numpy import float32
from numpy.typing import NDArray
from pgvector import HalfVector
from sqlalchemy.ext.asyncio import AsyncEngine

from app.database import guard_connection, load_query
from app.description import Description, parse_description
from app.errors import DatabaseUnavailableError
from app.search.answer import Answer, Hit
from app.search.query_vector import embed_description, measure_audibility
from app.settings import Settings
from services.embedding import EmbeddingProvider

_LARGEST_ID = 2**63 - 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Sound:
    """What a query sounds like.

    Attributes:
        vector: Of the provider's model, shape (dimensions,).
        audibility: How much the text speaks of sound, on the model's scale; None where tracks are named.
    """

    vector: NDArray[float32]
    audibility: float | None


class UnknownTrackError(LookupError):
    """A track that the viewer may not find, or that has no vector yet; the message says which and why."""


@dataclass(frozen=True)
class _Question:
    """A search as Postgres gets it, apart from its vector."""

    name: str | None
    types: list[str] | None
    limit: int
    viewer: str | None
    liked: tuple[int, ...]


class Search:
    """Searches one database with one embedding provider.

    Args:
        engine: Autocommitting engine: a search is one round trip.
        embedding: Makes vectors of texts.
        deadline_seconds: How long a search waits for its vector.
        everyone: Whether sound is for all viewers, or for those with the feature flag alone.
        min_confidence: Results by sound below it are left out.

    Attributes:
        hears: Set to False when the provider's model cannot be loaded: then everything is answered by name, at once.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        embedding: EmbeddingProvider,
        *,
        deadline_seconds: float,
        everyone: bool = True,
        min_confidence: float = 0.2,
    ) -> None:
        self._engine = engine
        self._embedding = embedding
        self._deadline_seconds = deadline_seconds
        self._everyone = everyone
        self._min_confidence = min_confidence
        self.hears = True

    @classmethod
    def from_settings(cls, engine: AsyncEngine, embedding: EmbeddingProvider, settings: Settings) -> Self:
        """A search with the configured deadline, audience and cutoff."""
        return cls(
            engine,
            embedding,
            deadline_seconds=settings.semantic_deadline_seconds,
            everyone=settings.vibe_search_for_everyone,
            min_confidence=settings.sound_min_confidence,
        )

    async def unified(
        self, text: str, *, types: list[str] | None = None, limit: int = 20, viewer: str | None = None
    ) -> Answer:
        """Everything that matches by name or by sound, at most ``limit`` of each type.

        Raises:
            UnknownTrackError: ``like:`` names a track that cannot be gone by.
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        description = parse_description(text)
        wanted = types is None or "track" in types
        sound = await self._embed(description, viewer) if wanted else None
        answer = await self._ask(_Question(description.name, types, limit, viewer, description.liked), sound)
        # where nothing that sounds was asked for, nothing is lacking
        return answer if wanted else replace(answer, available=True)

    async def semantic(self, text: str, *, limit: int = 10, viewer: str | None = None) -> Answer:
        """Tracks ranked by how they sound, and nothing else.

        Raises:
            UnknownTrackError: ``like:`` names a track that cannot be gone by.
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        description = parse_description(text)
        sound = await self._embed(description, viewer)
        if sound is None:
            return Answer([], available=False, milliseconds=0.0)
        return await self._ask(_Question(None, ["track"], limit, viewer, description.liked), sound)

    async def similar(self, track_id: int, *, limit: int = 10, viewer: str | None = None) -> Answer:
        """The tracks that sound most like a track, without itself.

        Raises:
            UnknownTrackError: There is no such track that the viewer may find.
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        parameters = {"track_id": min(track_id, _LARGEST_ID), "limit": limit} | self._audience(viewer)
        rows, milliseconds = await self._fetch("similar_tracks", parameters)
        if not rows:
            raise UnknownTrackError(f"{track_id}: there is no such track")
        return Answer(_hits_by_sound(rows), available=rows[0].available, milliseconds=milliseconds)

    async def by_vector(self, vector: NDArray[float32], *, limit: int = 10, viewer: str | None = None) -> Answer:
        """The tracks nearest to a vector of the provider's model, such as that of a clip.

        Raises:
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        parameters = {
            "query_embedding": HalfVector(vector).to_text(),
            "identity": self._embedding.card.identity,
            "limit": limit,
        }
        rows, milliseconds = await self._fetch("tracks_by_vector", parameters | self._audience(viewer))
        return Answer(_hits_by_sound(rows), available=rows[0].available, milliseconds=milliseconds)

    def may_hear(self, viewer: str | None) -> bool:
        """Whether the viewer may have results by sound, as far as this can be told without the database."""
        return self._everyone or viewer is not None

    def _audience(self, viewer: str | None) -> dict[str, object]:
        return {"viewer": viewer, "everyone": self._everyone}

    async def _embed(self, description: Description, viewer: str | None) -> _Sound | None:
        """The description's vector, or None when there is none in time: names are found without it."""
        liked = await self._liked(description.liked, viewer)
        if not self.hears or not self.may_hear(viewer):
            return None
        embedded = asyncio.to_thread(self._hear, description, liked)
        try:
            return await asyncio.wait_for(embedded, self._deadline_seconds)
        except TimeoutError:
            _log.warning("no vector within %.3f s: answered by name alone", self._deadline_seconds)
        except ValueError:
            _log.debug("the text has nothing to embed: answered by name alone")
        except Exception:  # noqa: BLE001 - any failure of a model must leave search by name standing
            _log.exception("the embedding provider failed: answered by name alone")
        return None

    def _hear(self, description: Description, liked: Sequence[NDArray[float32]]) -> _Sound:
        vector = embed_description(self._embedding, description, liked)
        return _Sound(vector, measure_audibility(self._embedding, description))

    async def _liked(self, track_ids: Sequence[int], viewer: str | None) -> list[NDArray[float32]]:
        if not track_ids:
            return []
        parameters = {"track_ids": [track for track in track_ids if track <= _LARGEST_ID], "viewer": viewer}
        rows, _ = await self._fetch("liked_tracks", parameters)
        found = {row.id: row.embedding for row in rows}
        for track in track_ids:
            if track not in found:
                raise UnknownTrackError(f"like:{track}: there is no such track")
            if found[track] is None:
                raise UnknownTrackError(f"like:{track}: the track has not been listened to yet, try again later")
        return [HalfVector.from_text(found[track]).to_numpy().astype(float32) for track in track_ids]

    async def _ask(self, question: _Question, sound: _Sound | None) -> Answer:
        parameters = {
            # Postgres has no NUL in text, and no title contains one
            "q": None if question.name is None else question.name.replace("\0", ""),
            "query_embedding": None if sound is None else HalfVector(sound.vector).to_text(),
            "audibility": None if sound is None else sound.audibility,
            "min_confidence": self._min_confidence,
            "identity": self._embedding.card.identity,
            "types": question.types,
            # those that the query names are left out below
            "max_per_type": question.limit + len(question.liked),
        }
        rows, milliseconds = await self._fetch("unified_search", parameters | self._audience(question.viewer))
        hits = [
            Hit(row.type, row.tier, list(row.matched), row.relevance, row.similarity, row.details, row.confidence)
            for row in rows
            if row.type is not None and not (row.type == "track" and row.details["id"] in question.liked)
        ]
        if question.liked:  # then the query speaks of sounds, and every hit is a track
            hits = hits[: question.limit]
        return Answer(hits, available=sound is not None and rows[0].comparable, milliseconds=milliseconds)

    async def _fetch(self, query: str, parameters: Mapping[str, object]) -> tuple[list[Any], float]:
        """Rows of a named statement, and the milliseconds that it took with its round trip."""
        try:
            return await self._fetch_once(query, parameters)
        except DatabaseUnavailableError:
            # a pooled connection may have outlived a restart of the server; the pool has dropped it now
            return await self._fetch_once(query, parameters)

    async def _fetch_once(self, query: str, parameters: Mapping[str, object]) -> tuple[list[Any], float]:
        with guard_connection():
            async with self._engine.connect() as connection:
                started = time.perf_counter()
                rows = (await connection.execute(load_query(query), parameters)).all()
                return list(rows), (time.perf_counter() - started) * 1000


def _hits_by_sound(rows: Sequence[Any]) -> list[Hit]:
    return [
        Hit("track", "sound", ["sound"], row.similarity, row.similarity, row.details, near_duplicate=row.near_duplicate)
        for row in rows
        if row.details is not None
    ]
