"""search.similar_tracks and search.tracks_by_vector, as a DBA calls them in psql."""

import re
from typing import Any

import numpy as np
import psycopg
import pytest
from pgvector import HalfVector

from tests.support.catalogue import Catalogue, direction


def similar(catalogue: Catalogue, track_id: int, viewer: str | None = None, k: int = 10) -> list[dict[str, Any]]:
    with catalogue.connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        statement = "select * from search.similar_tracks(%s, %s, %s)"
        return cursor.execute(statement, [track_id, viewer, k]).fetchall()


def sounding(catalogue: Catalogue, title: str, lean: float, **columns: Any) -> int:
    """A track along the first axis, leaning to the next; its audio is its own unless something else is said."""
    track = catalogue.track(title, **({"file_id": title} | columns))
    catalogue.embed(track, direction(0, lean=lean))
    return track


def test_neighbours_come_nearest_first_without_the_track_itself(catalogue: Catalogue) -> None:
    artist = catalogue.artist("fern.example", "Fern")
    source = sounding(catalogue, "Source", 0.0)
    for title, lean in (("Far", 2.0), ("Near", 0.5), ("Middle", 1.0)):
        sounding(catalogue, title, lean, artist=artist, album_id=catalogue.album(f"Album of {title}", artist))
    found = similar(catalogue, source)
    assert [(row["title"], row["artist"]) for row in found] == [("Near", "Fern"), ("Middle", "Fern"), ("Far", "Fern")]
    assert [row["similarity"] for row in found] == pytest.approx([1.25**-0.5, 2**-0.5, 5**-0.5], abs=1e-3)
    by_name = catalogue.search("near", types=["track"])[0]["details"]
    assert found[0]["details"] == by_name
    assert [row["title"] for row in similar(catalogue, source, k=2)] == ["Near", "Middle"]


def test_a_crowd_of_equals_does_not_bring_the_track_back(catalogue: Catalogue) -> None:
    tracks = [sounding(catalogue, f"Equal {number}", 0.3) for number in range(6)]
    for track in tracks:
        found = {row["id"] for row in similar(catalogue, track, k=3)}
        assert len(found) == 3
        assert found <= set(tracks) - {track}


def test_visibility(catalogue: Catalogue) -> None:
    me, other = catalogue.artist("me.example", "Me"), catalogue.artist("other.example", "Other")
    source = sounding(catalogue, "Source", 0.0)
    mine = sounding(catalogue, "Mine", 0.1, artist=me, visibility="private")
    sounding(catalogue, "Theirs", 0.1, artist=other, visibility="private")
    hidden = sounding(catalogue, "Unlisted", 0.1, artist=me, visibility="unlisted")
    sounding(catalogue, "For supporters", 0.2, visibility="supporters")
    sounding(catalogue, "Public", 0.3)

    def titles(track: int, viewer: str | None) -> list[str]:
        return [row["title"] for row in similar(catalogue, track, viewer, k=2)]

    # hidden tracks are nearer, and must not take up places
    assert titles(source, None) == ["For supporters", "Public"]
    assert titles(source, me) == ["Mine", "For supporters"]
    assert titles(mine, None) == titles(mine, other) == titles(hidden, None) == titles(hidden, me) == []
    assert titles(mine, me) == ["For supporters", "Source"] or titles(mine, me) == ["Source", "For supporters"]


def test_nothing_is_near_to_a_track_without_a_vector(catalogue: Catalogue) -> None:
    sounding(catalogue, "Public", 0.3)
    assert similar(catalogue, catalogue.track("Silent")) == []
    assert similar(catalogue, 999) == []


def test_near_duplicates(catalogue: Catalogue) -> None:
    """By the sound where it is nearer than the threshold; by the file whatever the vectors say."""
    row = catalogue.connection.execute("select search.near_duplicate_similarity()").fetchone()
    assert row is not None
    threshold = float(str(row[0]))
    assert 0.9 < threshold < 1
    lean = float(np.sqrt(1 / threshold**2 - 1))  # of a vector whose cosine is the threshold
    source = sounding(catalogue, "Source", 0.0, file_id="same")
    sounding(catalogue, "Other rip", 0.9 * lean)
    sounding(catalogue, "Other song", 1.1 * lean)
    sounding(catalogue, "Same file", 3.0, file_id="same")
    assert {row["title"]: row["near_duplicate"] for row in similar(catalogue, source)} == {
        "Other rip": True,
        "Other song": False,
        "Same file": True,
    }


def test_the_threshold_belongs_to_the_serving_model(catalogue: Catalogue) -> None:
    statement = "select search.near_duplicate_similarity()"
    ours = catalogue.connection.execute(statement).fetchone()
    catalogue.connection.execute("select search.register_model('other', 'other@1', 8), search.serve_model('other@1')")
    assert catalogue.connection.execute(statement).fetchone() != ours
    catalogue.connection.execute("update search.models set serving = false")
    assert catalogue.connection.execute(statement).fetchone() == (None,)


def test_a_vector_that_is_no_tracks(catalogue: Catalogue) -> None:
    for title, lean in (("Far", 2.0), ("Near", 0.01)):
        sounding(catalogue, title, lean)
    statement = "select title, near_duplicate from search.tracks_by_vector(%s::halfvec, null, 5)"
    vector = HalfVector(direction(0)).to_text()
    assert catalogue.connection.execute(statement, [vector]).fetchall() == [("Near", True), ("Far", False)]
    assert catalogue.connection.execute(statement, [None]).fetchall() == []


def test_neighbours_are_read_from_the_graph(catalogue: Catalogue) -> None:
    tracks = 1_000
    artist = catalogue.artist()
    connection = catalogue.connection
    connection.execute(
        "insert into tracks (artist_did, title, file_id, file_type) "
        "select %s, 'Track ' || n, 'f' || n, 'mp3' from generate_series(1, %s) n",
        [artist, tracks],
    )
    rows = np.random.default_rng(3).normal(size=(tracks, 100))
    with connection.transaction():
        connection.execute("create temp table vectors (id bigint, v halfvec(100)) on commit drop")
        with connection.cursor().copy("copy vectors from stdin") as copy:
            for number, vector in enumerate(rows, start=1):
                copy.write_row((number, HalfVector(vector).to_text()))
        connection.execute(
            "insert into search.embeddings select v.id, m.id, 'f', l2_normalize(v.v), true, null, now() "
            "from vectors v, search.models m where m.serving"
        )
    connection.execute("vacuum analyze")
    notices: list[str] = []
    connection.execute("load 'auto_explain'")
    for setting in ("log_min_duration = 0", "log_nested_statements = on", "log_level = notice"):
        connection.execute(f"set auto_explain.{setting}".encode())
    # so few rows are read faster one by one; what is asked here is whether the index answers this statement
    connection.execute("set enable_seqscan = off")
    for _ in range(6):
        similar(catalogue, 77)
    connection.add_notice_handler(lambda diagnostic: notices.append(diagnostic.message_primary or ""))
    found = [row["id"] for row in similar(catalogue, 77)]
    plans = "\n".join(notices)
    assert "embeddings_1_hnsw_idx" in plans
    assert not set(re.findall(r"Seq Scan on (\w+)", plans)) & {"tracks", "embeddings_1"}
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    exact = [int(place) + 1 for place in np.argsort(-(unit @ unit[76])) if place != 76][:10]
    assert len(set(found) & set(exact)) >= 9
