"""The rankings that are compared."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from numpy import float32
from numpy.typing import NDArray
from pgvector import HalfVector

from app.database import Database
from app.measure.predecessor import Predecessor
from app.measure.relevance.entities import Entity
from app.search import Hit, Search

_MIN_MOOD_CHARACTERS = 3


@dataclass(frozen=True)
class SoundPlaces:
    """Where tracks stand when all are ranked by their sound.

    Attributes:
        places: Of those that have a vector, counted from 1.
        candidates: How many tracks were ranked.
    """

    places: dict[Entity, int]
    candidates: int


async def rank_by_sound(database: Database, vector: NDArray[float32], tracks: Iterable[Entity]) -> SoundPlaces:
    """The places of some tracks among all with a vector in the serving model, by cosine similarity, exactly."""
    parameters = {"query_embedding": HalfVector(vector).to_text(), "track_ids": [int(key) for _, key in tracks]}
    rows = await database.all("rank_all_tracks", parameters)
    return SoundPlaces({("track", str(row.track_id)): row.place for row in rows}, rows[0].candidates if rows else 0)


async def rank_unified(search: Search, text: str, page: int) -> list[Entity]:
    """The first rows of what the search box answers to somebody who is not signed in."""
    answer = await search.unified(text, limit=page)
    return [_entity(hit) for hit in answer.hits][:page]


async def rank_by_keyword(predecessor: Predecessor, text: str, page: int) -> list[Entity]:
    """The first rows of what the replaced system shows in its keyword mode."""
    hits = await asyncio.to_thread(predecessor.keyword, text, page)
    return [(hit.type, hit.key) for hit in hits][:page]


async def rank_by_mood(predecessor: Predecessor, text: str, vector: NDArray[float32] | None, page: int) -> list[Entity]:
    """The first rows of what the replaced system shows in its mood mode; none for less than 3 characters.

    It shows 5 tracks at most; here it gets a whole page of them, so that it does not lose for being short.
    """
    if vector is None or len(text) < _MIN_MOOD_CHARACTERS:
        return []
    hits = await asyncio.to_thread(predecessor.semantic, vector, page)
    return [(hit.type, hit.key) for hit in hits]


def _entity(hit: Hit) -> Entity:
    return hit.type, str(hit.details["did" if hit.type == "artist" else "id"])
