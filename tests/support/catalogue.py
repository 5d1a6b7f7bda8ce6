"""Rows for tests, written as an app would write them."""

from typing import Any, cast

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector


class Catalogue:
    """Adds rows to a database and returns their keys."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self.connection = connection

    def artist(self, handle: str = "somebody.example", display_name: str = "Somebody") -> str:
        """Add an artist unless the handle is there; returns the did."""
        return cast(
            "str",
            self._value(
                "insert into artists (did, handle, display_name) values (%s, %s, %s) "
                "on conflict (did) do update set handle = excluded.handle returning did",
                f"did:plc:{handle}",
                handle,
                display_name,
            ),
        )

    def album(self, title: str, artist: str | None = None) -> int:
        """Add an album."""
        statement = "insert into albums (artist_did, title, slug) values (%s, %s, %s) returning id"
        return cast("int", self._value(statement, artist or self.artist(), title, title.lower()))

    def track(self, title: str, *, artist: str | None = None, tags: tuple[str, ...] = (), **columns: Any) -> int:
        """Add a track; ``columns`` are any others of the table."""
        values = {"title": title, "artist_did": artist or self.artist(), "file_id": "f", "file_type": "mp3"} | columns
        names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        track_id = cast(
            "int", self._value(f"insert into tracks ({names}) values ({marks}) returning id", *values.values())
        )
        for tag in tags:
            self.tag(track_id, tag)
        return track_id

    def tag(self, track_id: int, name: str) -> None:
        """Put a tag on a track."""
        tag_id = self._value(
            "insert into tags (name) values (%s) on conflict (name) do update set name = excluded.name returning id",
            name,
        )
        self.connection.execute("insert into track_tags values (%s, %s)", [track_id, tag_id])

    def playlist(self, name: str, tracks: list[int], **columns: Any) -> int:
        """Add a playlist."""
        values = {"name": name, "owner_did": self.artist()} | columns
        names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        playlist = cast(
            "int", self._value(f"insert into playlists ({names}) values ({marks}) returning id", *values.values())
        )
        for position, track in enumerate(tracks):
            self.connection.execute("insert into playlist_tracks values (%s, %s, %s)", [playlist, position, track])
        return playlist

    def embed(self, track_id: int, vector: NDArray[np.float32]) -> None:
        """Give a track a vector in the serving model, as the worker's statement does."""
        self.connection.execute(
            "insert into search.embeddings (track_id, model_id, file_id, embedding, listed, owner) "
            "select t.id, m.id, t.file_id, %s::halfvec, search.is_listed(t.visibility), "
            "search.private_owner(t.visibility, t.artist_did) "
            "from tracks t, search.models m where t.id = %s and m.serving",
            [HalfVector(vector).to_text(), track_id],
        )

    def calibrate(self) -> None:
        """Calibrate the serving model so that every result by sound is trusted, whatever is embedded."""
        self.connection.execute(
            "insert into search.calibrations (model_id, match_slope, match_intercept, audibility_slope, "
            "audibility_intercept, tracks, sampled, hubness) "
            "select m.id, 0, 10, 0, 10, 16, 2, 0 from search.models m where m.serving "
            "on conflict (model_id) do nothing"
        )
        # in directions that no test asks for, so that similarities to them differ for any query; tracks of their own
        # would be found by the tests
        dice = np.random.default_rng(23)
        with self.connection.transaction():
            self.connection.execute("set local session_replication_role = replica")
            for number in (-1, -2):
                noise = dice.normal(size=self._dimensions())
                self.connection.execute(
                    "insert into search.calibration_tracks (model_id, track_id, embedding) "
                    "select m.id, %s, %s::halfvec from search.models m where m.serving on conflict do nothing",
                    [number, HalfVector(noise / np.linalg.norm(noise)).to_text()],
                )

    def search(self, q: str | None, **arguments: Any) -> list[dict[str, Any]]:
        """Rows of search.unified."""
        named = "".join(f", {name} => %s" for name in arguments)
        with self.connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            return cursor.execute(f"select * from search.unified(%s{named})", [q, *arguments.values()]).fetchall()

    def labels(self, q: str | None, **arguments: Any) -> list[str]:
        """Labels of what is found, best first."""
        return [row["label"] for row in self.search(q, **arguments)]

    def _dimensions(self) -> int:
        return cast("int", self._value("select dimensions from search.models where serving"))

    def _value(self, statement: str, *parameters: object) -> object:
        row = self.connection.execute(statement, parameters).fetchone()
        assert row is not None
        return row[0]


def direction(axis: int, dimensions: int = 100, lean: float = 0.0) -> NDArray[np.float32]:
    """A unit vector along one axis, leaning towards the next by ``lean``."""
    vector = np.zeros(dimensions, dtype=np.float32)
    vector[axis], vector[(axis + 1) % dimensions] = 1.0, lean
    return cast("NDArray[np.float32]", vector / np.linalg.norm(vector))
