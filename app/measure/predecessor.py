"""The search that vibe-search replaces, as its documents describe it; benchmark and evaluation compare with it.

A keystroke is five statements, one a kind, each of which reads the whole table. A description is a query of a vector
store, then a statement that reads the rows behind its ids. The client puts the second list below the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from numpy import float32
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.rows import dict_row

from app.database import load_statement

_KINDS = ("tracks", "artists", "albums", "tags", "playlists")
_MIN_SEMANTIC_CHARACTERS = 3


@dataclass(frozen=True)
class PredecessorHit:
    """One result.

    Attributes:
        type: track, artist, album, tag or playlist.
        key: Primary key of the entity, as text.
        label: What it is called.
        relevance: Trigram similarity of the name to the text, or cosine similarity of the sound to it. The two are not
            comparable, and the lists are therefore not mixed.
        artist_handle: Whose it is.
        artist_display_name: Whose it is.
        image_url: Its picture.
    """

    type: str
    key: str
    label: str
    relevance: float
    artist_handle: str | None
    artist_display_name: str | None
    image_url: str | None


class Predecessor:
    """Searches one database as the replaced system does.

    Its vector store, turbopuffer, is stood in for by pgvector's HNSW index on the same server: the order is that of the
    store, and its network hop is left out. So are the hop of the text embedding and the waits of the client (150 ms
    before names, 500 ms before sounds). Times measured here are below the real ones.

    Where the documents are silent the kinder reading is taken: names contain the text whatever its case, ``%`` and
    ``_`` in it mean themselves, and equal scores are in the order of the keys, so that an answer can be repeated.
    (Ignoring case costs the keyword statements about a tenth of their time.)

    Args:
        connection: To a migrated database. It should commit each statement by itself.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def keyword(self, text: str, limit: int = 20) -> list[PredecessorHit]:
        """What is called like the text, at most ``limit`` of each kind, in the order of the raw trigram similarity."""
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        parameters = {"text": text, "pattern": f"%{escaped}%", "limit": limit}
        found = [PredecessorHit(**row) for kind in _KINDS for row in self._rows(f"predecessor_{kind}", parameters)]
        return sorted(found, key=lambda hit: -hit.relevance)

    def semantic(self, vector: NDArray[float32], limit: int = 10) -> list[PredecessorHit]:
        """The tracks whose sound is nearest to the vector, nearest first."""
        query = {"query_embedding": HalfVector(vector).to_text(), "limit": limit}
        nearest = self._rows("predecessor_nearest", query)
        rows = self._rows("predecessor_hydrate", {"ids": [found["track_id"] for found in nearest]})
        tracks = {row["id"]: row for row in rows}
        return [
            _hit_by_sound(tracks[found["track_id"]], 1.0 - found["distance"])
            for found in nearest
            if found["track_id"] in tracks
        ]

    def search(
        self, text: str, vector: NDArray[float32] | None, limit: int = 20, *, semantic_limit: int = 10
    ) -> list[PredecessorHit]:
        """Both lists as the client shows them: names first, below them the sounds that are not among the names.

        Args:
            text: What was typed; shorter than 3 characters it is not compared with sounds.
            vector: The text's vector, or None when there is none.
            limit: Names of each kind at most.
            semantic_limit: Sounds at most.
        """
        named = self.keyword(text, limit)
        if vector is None or len(text) < _MIN_SEMANTIC_CHARACTERS:
            return named
        known = {hit.key for hit in named if hit.type == "track"}
        return [*named, *(hit for hit in self.semantic(vector, semantic_limit) if hit.key not in known)]

    def _rows(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(load_statement(name), parameters).fetchall()


def _hit_by_sound(track: Mapping[str, Any], similarity: float) -> PredecessorHit:
    return PredecessorHit(
        type="track",
        key=str(track["id"]),
        label=track["title"],
        relevance=similarity,
        artist_handle=track["artist_handle"],
        artist_display_name=track["artist_display_name"],
        image_url=track["image_url"],
    )
