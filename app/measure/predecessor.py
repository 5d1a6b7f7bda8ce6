"""The search that vibe-search replaces, as it is since August 2026; benchmark and evaluation compare with it.

It has two modes, and people choose one. By keyword, a keystroke is five statements, one a kind, each of which reads the
whole table. By mood, a description is a query of a vector store, then a statement that reads the rows behind its ids.

The documents that vibe-search takes its contracts from describe an earlier generation. Until April 2026 the client
asked in both ways at once and dropped the tracks that both had found. Until August 2026 names were in the order of
their trigram similarity alone.
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
from app.database.qualified_names import read_homes

_KINDS = ("tracks", "artists", "albums", "tags", "playlists")
_STRAIGHT_QUOTES = str.maketrans("‘’“”", "''\"\"")


@dataclass(frozen=True)
class PredecessorHit:
    """One result.

    Attributes:
        type: track, artist, album, tag or playlist.
        key: Primary key of the entity, as text.
        label: What it is called.
        relevance: By keyword 5 for a whole name, 3 to 4 for its beginning, 1.5 to 2.5 for a part of it, and 0 to 1 for
            a similar name. By mood the cosine similarity, 0 at least.
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
    store, and its network hop is left out. So are the hop of the text embedding, the waits of the client (150 ms before
    names, 500 ms before sounds) and the counting of each tag's tracks. Times measured here are below the real ones.

    Equal scores are in the order of the keys, so that an answer can be repeated. It finds the same rows as vibe-search:
    listed ones.

    Args:
        connection: To a migrated database. It should commit each statement by itself.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._homes = read_homes(connection)

    def keyword(self, text: str, limit: int = 20) -> list[PredecessorHit]:
        """What is called like the text, at most ``limit`` of each kind, all kinds in the order of their relevance."""
        needle = text.translate(_STRAIGHT_QUOTES).lower().strip()
        literal = needle.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        parameters = {
            "text": text,
            "needle": needle,
            "begins": f"{literal}%",
            "contains": f"%{literal}%",
            "limit": limit,
        }
        found = [PredecessorHit(**row) for kind in _KINDS for row in self._rows(f"predecessor_{kind}", parameters)]
        # three digits are what its endpoint keeps
        return sorted(found, key=lambda hit: -round(hit.relevance, 3))

    def semantic(self, vector: NDArray[float32], limit: int = 5) -> list[PredecessorHit]:
        """The tracks whose sound is nearest to the vector, nearest first; the original has never more than 5."""
        query = {"query_embedding": HalfVector(vector).to_text(), "limit": limit}
        nearest = self._rows("predecessor_nearest", query)
        rows = self._rows("predecessor_hydrate", {"ids": [found["track_id"] for found in nearest]})
        tracks = {row["id"]: row for row in rows}
        return [
            _hit_by_sound(tracks[found["track_id"]], max(0.0, 1.0 - found["distance"]))
            for found in nearest
            if found["track_id"] in tracks
        ]

    def _rows(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            statement = self._homes.bind(load_statement(name).decode())
            return cursor.execute(statement.encode(), parameters).fetchall()


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
