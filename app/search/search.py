"""One search: embed the query within a deadline, then ask Postgres once."""

import asyncio
import logging
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Self

from numpy import float32
from numpy.typing import NDArray
from pgvector import HalfVector

from app.database import Database, retry_read
from app.observability.tracing import span
from app.search.answer import Answer, Explanation, Hit, Signal
from app.search.description import Description, parse_description
from app.search.query_vector import embed_description, measure_sound_relatedness
from app.search.serving_model import ServingModel
from app.search.vector_backend import Candidates, MirrorBackend
from app.settings import Settings
from services.embedding import EmbeddingProvider
from services.metrics import FALLBACKS, STATEMENTS, WITHOUT_VECTOR
from services.vector_mirror import VectorMirror

_LARGEST_ID = 2**63 - 1

_TEXT_THREADS = min(32, (os.cpu_count() or 1) + 4)
"""Texts that are embedded at the same time; as many as asyncio's own threads, which others keep busy."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Sound:
    """What a query sounds like.

    Attributes:
        identity: The model that made the vector.
        vector: Of the provider's model, shape (dimensions,).
        sound_relatedness: How much the text speaks of sound, on the model's scale; None where tracks are named.
    """

    identity: str
    vector: NDArray[float32]
    sound_relatedness: float | None


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
    """Searches one database with the model that it serves.

    Texts are embedded in threads of its own: nothing else that runs in threads is in their way.

    Args:
        database: The database.
        serving: The model that makes vectors of texts.
        deadline_seconds: How long a search waits for its vector.
        everyone: Whether sound is for all viewers, or for those with the feature flag alone.
        min_confidence: Results by sound below it are left out.
        mirror: Who names candidates for what is near to a vector; None where Postgres finds them alone.
    """

    def __init__(  # noqa: PLR0913 - two that it works with, the rest from settings
        self,
        database: Database,
        serving: ServingModel,
        *,
        deadline_seconds: float,
        everyone: bool = True,
        min_confidence: float = 0.2,
        mirror: MirrorBackend | None = None,
    ) -> None:
        self._database = database
        self._serving = serving
        self._deadline_seconds = deadline_seconds
        self._everyone = everyone
        self._min_confidence = min_confidence
        self._mirror = mirror
        self._threads = ThreadPoolExecutor(_TEXT_THREADS, thread_name_prefix="text")

    def close(self) -> None:
        """Embed no more texts; those under way are finished in the background."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @classmethod
    def from_settings(cls, database: Database, serving: ServingModel, settings: Settings, mirror: VectorMirror) -> Self:
        """A search with the configured deadline, audience, cutoff and vector backend."""
        backend = MirrorBackend(
            database,
            mirror,
            deadline_seconds=settings.vector_backend_deadline_seconds,
            max_lag=timedelta(seconds=settings.mirror_max_lag_seconds),
        )
        return cls(
            database,
            serving,
            deadline_seconds=settings.semantic_deadline_seconds,
            everyone=settings.vibe_search_for_everyone,
            min_confidence=settings.sound_min_confidence,
            mirror=None if settings.vector_backend == "pgvector" else backend,
        )

    async def unified(
        self,
        text: str,
        *,
        types: list[str] | None = None,
        limit: int = 20,
        viewer: str | None = None,
        sound: bool = True,
    ) -> Answer:
        """Everything that matches by name or by sound, at most ``limit`` of each type.

        Args:
            text: As typed.
            types: Those of ENTITY_TYPES that are wanted; None for all.
            limit: Results of each type at most.
            viewer: DID of the viewer; None where it is not known.
            sound: False for names only: nothing is embedded, and the text is a name rather than a description.

        Raises:
            UnknownTrackError: ``like:`` names a track that cannot be gone by.
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        description = parse_description(text) if sound else Description(name=text, positive=None)
        wanted = sound and (types is None or "track" in types)
        question = _Question(description.name, types, limit, viewer, description.liked)
        answer = await self._embed_and_query(question, description if wanted else None)
        # where nothing that sounds was asked for, nothing is lacking
        return answer if wanted else replace(answer, available=True)

    async def explain(self, text: str, track_id: int, *, limit: int = 20, viewer: str | None = None) -> Explanation:
        """Why a track is where it is among the results of ``unified`` with the same arguments.

        Raises:
            UnknownTrackError: ``like:`` names a track that cannot be gone by.
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        description = parse_description(text)
        sound = await self._embed(description, viewer)
        question = _Question(description.name, None, limit, viewer, description.liked)
        parameters = self._statement_parameters(question, sound) | {"key": str(track_id)}
        rows, _ = await self._fetch("explain_track", parameters)
        found = [row for row in rows if row.signal is not None]
        signals = [Signal(row.signal, row.signal_tier, row.signal_rank, row.value, row.confidence) for row in found]
        available: bool = sound is not None and rows[0].available
        rank, tier = (found[0].rank, found[0].tier) if found else (None, None)
        return Explanation(rank, tier, signals, available, None if sound is None else rows[0].calibrated)

    async def semantic(self, text: str, *, limit: int = 10, viewer: str | None = None) -> Answer:
        """Tracks ranked by how they sound, and nothing else.

        Raises:
            UnknownTrackError: ``like:`` names a track that cannot be gone by.
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        description = parse_description(text)
        return await self._embed_and_query(_Question(None, ["track"], limit, viewer, description.liked), description)

    async def similar(self, track_id: int, *, limit: int = 10, viewer: str | None = None) -> Answer:
        """The tracks that sound most like a track, without itself.

        Raises:
            UnknownTrackError: There is no such track that the viewer may find.
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        track = {"track_id": min(track_id, _LARGEST_ID)}
        candidates = await self._candidates_like(track, viewer, limit + 1)
        parameters = track | {"limit": limit} | self._viewer_parameters(viewer) | self._candidate_parameters(candidates)
        rows, milliseconds = await self._fetch("similar_tracks", parameters)
        if not rows:
            raise UnknownTrackError(f"{track_id}: there is no such track")
        return self._answer_by_sound(rows, milliseconds)

    async def by_vector(
        self, vector: NDArray[float32], identity: str, *, limit: int = 10, viewer: str | None = None
    ) -> Answer:
        """The tracks nearest to a vector of some model, such as that of a clip; none unless that model serves.

        Raises:
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        parameters = {
            "query_embedding": HalfVector(vector).to_text(),
            "identity": identity,
            "limit": limit,
        }
        parameters |= self._candidate_parameters(await self._candidates(vector, identity, limit))
        rows, milliseconds = await self._fetch("tracks_by_vector", parameters | self._viewer_parameters(viewer))
        if rows[0].identity != identity:
            await self._load_serving_model()
        return self._answer_by_sound(rows, milliseconds)

    @property
    def serving(self) -> ServingModel:
        """The model that makes vectors of texts."""
        return self._serving

    def semantic_enabled_for(self, viewer: str | None) -> bool:
        """Whether the viewer may have results by sound, as far as this can be told without the database."""
        return self._everyone or viewer is not None

    def _viewer_parameters(self, viewer: str | None) -> dict[str, object]:
        return {"viewer": viewer, "everyone": self._everyone}

    async def _candidates(self, vector: NDArray[float32], identity: str, count: int) -> Candidates | None:
        return None if self._mirror is None else await self._mirror.find(vector, identity, count)

    async def _candidates_like(self, track: dict[str, int], viewer: str | None, count: int) -> Candidates | None:
        """Candidates near to a track, whose vector only the database knows."""
        if self._mirror is None:
            return None
        rows, _ = await self._fetch("track_vector", track | {"viewer": viewer})
        if not rows:
            return None
        vector = HalfVector.from_text(rows[0].embedding).to_numpy().astype(float32)
        return await self._candidates(vector, rows[0].identity, count)

    def _candidate_parameters(self, candidates: Candidates | None) -> dict[str, object]:
        """Candidates as the statements take them."""
        return {
            "candidates": None if candidates is None else candidates.track_ids,
            "namespace": None if candidates is None else candidates.namespace,
            "max_lag": None if self._mirror is None else self._mirror.max_lag,
        }

    def _backend(self, row: Any, *, available: bool) -> dict[str, Any]:  # noqa: ANN401 - the first row of a statement
        """Who found what is near to the vector, for an answer."""
        if not available:
            return {}
        if self._mirror is None:
            return {"vector_backend": "pgvector"}
        if not row.mirrored:
            FALLBACKS.inc()
        return {
            "vector_backend": self._mirror.name if row.mirrored else "pgvector",
            "vector_fallback": not row.mirrored,
        }

    def _answer_by_sound(self, rows: Sequence[Any], milliseconds: float) -> Answer:
        available: bool = rows[0].available
        backend = self._backend(rows[0], available=available)
        return Answer(_hits_by_sound(rows), available=available, milliseconds=milliseconds, **backend)

    async def _embed_and_query(self, question: _Question, description: Description | None) -> Answer:
        """Embed, and ask; once more when another model serves by now than the one that embedded."""
        sound = await self._embed(description, question.viewer) if description else None
        if sound is None and question.name is None:
            return Answer([], available=False, milliseconds=0.0)
        answer, serving = await self._query(question, sound)
        if description is None or sound is None or serving in {None, sound.identity}:
            return answer
        await self._load_serving_model()
        if (embedding := self._serving.provider) is None or embedding.card.identity == sound.identity:
            return answer
        sound = await self._embed(description, question.viewer)
        return answer if sound is None else (await self._query(question, sound))[0]

    async def _load_serving_model(self) -> None:
        """Go by the model that serves now, unless loading it takes longer than a search may."""
        refreshed = asyncio.shield(asyncio.ensure_future(self._serving.refresh(self._database)))
        with suppress(TimeoutError):
            await asyncio.wait_for(refreshed, self._deadline_seconds)

    async def _embed(self, description: Description, viewer: str | None) -> _Sound | None:
        """The description's vector, or None when there is none in time: names are found without it."""
        embedding = self._serving.provider
        liked = await self._liked(description.liked, viewer, embedding)
        if embedding is None or not self.semantic_enabled_for(viewer):
            return None
        embedded = self._embed_in_thread(embedding, description, liked)
        try:
            with span("vector", {"model": embedding.card.identity}):
                return await asyncio.wait_for(embedded, self._deadline_seconds)
        except TimeoutError:
            WITHOUT_VECTOR.labels("late").inc()
            _log.warning("no vector within %.3f s: answered by name alone", self._deadline_seconds)
        except ValueError:
            WITHOUT_VECTOR.labels("no words").inc()
            _log.debug("the text has nothing to embed: answered by name alone")
        except Exception:  # noqa: BLE001 - any failure of a model must leave search by name standing
            WITHOUT_VECTOR.labels("failed").inc()
            _log.exception("the embedding provider failed: answered by name alone")
        return None

    async def _embed_in_thread(
        self, embedding: EmbeddingProvider, description: Description, liked: Sequence[NDArray[float32]]
    ) -> _Sound:
        # with the span and the request's id, as asyncio.to_thread does
        embed = partial(copy_context().run, _embed_query, embedding, description, liked)
        return await asyncio.get_running_loop().run_in_executor(self._threads, embed)

    async def _liked(
        self, track_ids: Sequence[int], viewer: str | None, embedding: EmbeddingProvider | None
    ) -> list[NDArray[float32]]:
        if not track_ids:
            return []
        parameters = {
            "track_ids": [track for track in track_ids if track <= _LARGEST_ID],
            "viewer": viewer,
            "identity": None if embedding is None else embedding.card.identity,
        }
        rows, _ = await self._fetch("liked_tracks", parameters)
        found = {row.id: row.embedding for row in rows}
        for track in track_ids:
            if track not in found:
                raise UnknownTrackError(f"like:{track}: there is no such track")
            if found[track] is None and embedding is not None:
                raise UnknownTrackError(f"like:{track}: the track has no embedding yet: try again later")
        vectors = [found[track] for track in track_ids if found[track] is not None]
        return [HalfVector.from_text(vector).to_numpy().astype(float32) for vector in vectors]

    def _statement_parameters(self, question: _Question, sound: _Sound | None) -> dict[str, object]:
        """A question as the statements take it."""
        return {
            # Postgres has no NUL in text, and no title contains one
            "q": None if question.name is None else question.name.replace("\0", ""),
            "query_embedding": None if sound is None else HalfVector(sound.vector).to_text(),
            "audibility": None if sound is None else sound.sound_relatedness,
            "min_confidence": self._min_confidence,
            "identity": None if sound is None else sound.identity,
            "types": question.types,
            # those that the query names are left out of the answer
            "max_per_type": question.limit + len(question.liked),
        } | self._viewer_parameters(question.viewer)

    async def _query(self, question: _Question, sound: _Sound | None) -> tuple[Answer, str | None]:
        """The answer, and the identity of the model that served."""
        # as many as search_internal.signals asks search.nearest_tracks for
        count = 2 * (question.limit + len(question.liked))
        candidates = None if sound is None else await self._candidates(sound.vector, sound.identity, count)
        parameters = self._statement_parameters(question, sound) | self._candidate_parameters(candidates)
        rows, milliseconds = await self._fetch("unified_search", parameters)
        hits = [
            Hit(row.type, row.tier, list(row.matched), row.relevance, row.similarity, row.details, row.confidence)
            for row in rows
            if row.type is not None and not (row.type == "track" and row.details["id"] in question.liked)
        ]
        if question.liked:  # then the query speaks of sounds, and every hit is a track
            hits = hits[: question.limit]
        available = sound is not None and rows[0].available
        backend = self._backend(rows[0], available=available)
        backend["calibrated"] = None if sound is None else rows[0].calibrated
        return Answer(hits, available=available, milliseconds=milliseconds, **backend), rows[0].identity

    async def _fetch(self, query: str, parameters: Mapping[str, object]) -> tuple[list[Any], float]:
        """Rows of a named statement, and the milliseconds that it took with its round trip."""
        return await retry_read(lambda: self._fetch_once(query, parameters))

    async def _fetch_once(self, query: str, parameters: Mapping[str, object]) -> tuple[list[Any], float]:
        # without the wait for a free connection
        async with self._database.connection() as connection:
            with span("statement", {"statement": query}):
                started = time.perf_counter()
                rows = await connection.all(query, parameters)
                seconds = time.perf_counter() - started
        STATEMENTS.labels(query).observe(seconds)
        return list(rows), seconds * 1000


def _embed_query(embedding: EmbeddingProvider, description: Description, liked: Sequence[NDArray[float32]]) -> _Sound:
    vector = embed_description(embedding, description, liked)
    return _Sound(embedding.card.identity, vector, measure_sound_relatedness(embedding, description))


def _hits_by_sound(rows: Sequence[Any]) -> list[Hit]:
    return [
        Hit("track", "sound", ["sound"], row.similarity, row.similarity, row.details, near_duplicate=row.near_duplicate)
        for row in rows
        if row.details is not None
    ]
