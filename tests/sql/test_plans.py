"""Which indexes a search uses, at a size where it matters."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from pgvector import HalfVector

from app.database import EmbeddedPostgres, connect

TRACKS = 8_000


@pytest.fixture(scope="module")
def large(server: EmbeddedPostgres, template: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a catalogue of some thousand tracks that reports the plans of nested statements."""
    admin_url = server.url.replace("/vibe_search?", "/postgres?")
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"create database large template {template}".encode())
    with connect(server.url.replace("/vibe_search?", "/large?")) as connection:
        connection.autocommit = True
        _fill(connection)
        connection.execute("load 'auto_explain'")
        for setting in ("log_min_duration = 0", "log_nested_statements = on", "log_level = notice"):
            connection.execute(f"set auto_explain.{setting}".encode())
        yield connection
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("drop database large with (force)")


def _fill(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "insert into artists select 'did:' || n, 'artist' || n, 'Artist ' || n from generate_series(1, 500) n"
    )
    connection.execute(
        "insert into tracks (artist_did, title, file_id, file_type, play_count) "
        "select 'did:' || (mod(n, 500) + 1), md5(n::text) || ' ' || md5((n / 7)::text), 'f' || n, 'mp3', n "
        "from generate_series(1, %s) n",
        [TRACKS],
    )
    connection.execute("insert into tags (name) select 'tag ' || n from generate_series(1, 200) n")
    connection.execute("insert into track_tags select id, mod(id, 200) + 1 from tracks")
    rows = vectors(TRACKS, seed=1)
    with connection.transaction():
        connection.execute("create temp table vectors (id bigint, v halfvec(100)) on commit drop")
        with connection.cursor().copy("copy vectors from stdin") as copy:
            for number, row in enumerate(rows, start=1):
                copy.write_row((number, HalfVector(row).to_text()))
        connection.execute(
            "insert into search.embeddings select v.id, m.id, 'f', v.v, true, null, now() "
            "from vectors v, search.models m where m.serving"
        )
    connection.execute("vacuum analyze")


def vectors(count: int, seed: int) -> NDArray[np.float64]:
    """Clustered vectors, as those of music are: 50 styles and variation around each."""
    styles = np.random.default_rng(0).normal(size=(50, 100))
    randomness = np.random.default_rng(seed)
    return styles[randomness.integers(0, 50, count)] + 0.6 * randomness.normal(size=(count, 100))


def plans_of(connection: psycopg.Connection[Any], q: str | None, vector: str | None = None) -> str:
    """Plans of every statement inside one call, after enough calls for a generic plan to be considered."""
    notices: list[str] = []

    def listen(diagnostic: psycopg.errors.Diagnostic) -> None:
        notices.append(diagnostic.message_primary or "")

    statement = "select * from search.unified(%s, %s::halfvec)"
    for _ in range(6):
        connection.execute(statement, [q, vector])
    connection.add_notice_handler(listen)
    connection.execute(statement, [q, vector])
    connection.remove_notice_handler(listen)
    assert any("search.documents" in notice or "documents" in notice for notice in notices)
    return "\n".join(notices)


QUERIES = {
    "exact": "select title from tracks where id = 777",
    "prefix": "select left(title, 5) from tracks where id = 777",
    "two letters": "select left(title, 2) from tracks where id = 777",
    "second word": "select split_part(title, ' ', 2) from tracks where id = 777",
    "inner": "select substr(title, 4, 12) from tracks where id = 777",
    "typo": "select overlay(title placing 'x' from 10) from tracks where id = 777",
    "artist": "select 'artist 321'",
    "nothing": "select 'there is no such name'",
}


@pytest.mark.parametrize("kind", QUERIES)
def test_no_search_reads_a_whole_table(large: psycopg.Connection[Any], kind: str) -> None:
    row = large.execute(QUERIES[kind].encode()).fetchone()
    assert row is not None
    plans = plans_of(large, row[0], HalfVector(np.ones(100)).to_text())
    scanned = set(re.findall(r"Seq Scan on (\w+)", plans))
    assert not scanned & {"tracks", "documents", "track_tags", "artists", "embeddings_1"}
    for index in ("documents_prefix_idx", "documents_tokens_idx", "embeddings_1_hnsw_idx"):
        assert index in plans


def test_a_page_is_full_and_equals_the_exact_ranking(large: psycopg.Connection[Any]) -> None:
    vector = HalfVector(vectors(1, seed=2)[0]).to_text()
    found = {
        row[0] for row in large.execute("select track_id from search.nearest_tracks(%s::halfvec, null, 50)", [vector])
    }
    with large.transaction():
        large.execute("set local enable_indexscan = off")
        exact = large.execute(
            "select track_id from search.embeddings order by embedding <=> %s::halfvec limit 50", [vector]
        ).fetchall()
    assert len(found) == 50
    assert len(found & {row[0] for row in exact}) >= 48
