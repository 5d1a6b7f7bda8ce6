"""What a DBA asks of the search in psql, and whether the answers are right."""

from typing import Any

import numpy as np
import psycopg
import pytest

from app.database import EmbeddedPostgres, migrate
from app.providers import Providers
from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]


def one(connection: Connection, query: str, *parameters: Any) -> dict[str, Any]:
    cursor = connection.execute(query.encode(), parameters)
    row = cursor.fetchone()
    assert row is not None
    assert cursor.description is not None
    return dict(zip([column.name for column in cursor.description], row, strict=True))


def fill(catalogue: Catalogue, number: int, dimensions: int) -> None:
    chance = np.random.default_rng(1)
    vectors = chance.normal(size=(number, dimensions)).astype(np.float32)
    for count, vector in enumerate(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)):
        catalogue.embed(catalogue.track(f"Track {count}"), vector)


def test_recall_is_whole_where_everything_is_read(catalogue: Catalogue, providers: Providers) -> None:
    fill(catalogue, 60, providers.embedding.card.dimensions)
    found = one(catalogue.connection, "select * from search.recall_check(20, 10)")
    assert (found["searches"], found["recall"], found["worst"]) == (20, 1.0, 1.0)
    assert found["index_ms"] > 0
    assert found["exact_ms"] > 0


def test_recall_tells_an_index_that_finds_too_little(
    catalogue: Catalogue, providers: Providers, connection: Connection
) -> None:
    """The function that searches is written anew, and leaves most out."""
    fill(catalogue, 60, providers.embedding.card.dimensions)
    row = connection.execute(
        "select pg_get_functiondef(p.oid) from pg_proc p "
        "where p.proname = 'nearest_tracks' and p.pronamespace = 'search'::regnamespace"
    ).fetchone()
    assert row is not None
    identity = (
        "create or replace function search.nearest_tracks(query_embedding halfvec, viewer text default null, "
        "k integer default 20, candidates bigint[] default null) "
        "returns table (track_id bigint, similarity real) language sql stable as $$ "
        "select e.track_id, (1 - (e.embedding operator(public.<=>) query_embedding))::real from search.embeddings e "
        "where e.listed and e.track_id % 2 = 0 order by e.embedding operator(public.<=>) query_embedding limit k $$"
    )
    connection.execute(identity.encode())
    found = one(connection, "select * from search.recall_check(40, 10)")
    assert 0.2 < found["recall"] < 0.8
    assert found["worst"] < found["recall"]


def test_copies_of_a_recording_are_no_loss(catalogue: Catalogue, providers: Providers, connection: Connection) -> None:
    vector = np.zeros(providers.embedding.card.dimensions, np.float32)
    vector[0] = 1
    for number in range(30):
        catalogue.embed(catalogue.track(f"Copy {number}"), vector)
    assert one(connection, "select * from search.recall_check(10, 5)")["recall"] == 1.0


def test_recall_of_nothing_is_unknown(connection: Connection) -> None:
    found = one(connection, "select * from search.recall_check()")
    assert found == {"searches": 0, "recall": None, "worst": None, "index_ms": None, "exact_ms": None}


def test_coverage(catalogue: Catalogue, providers: Providers, connection: Connection) -> None:
    card = providers.embedding.card
    fill(catalogue, 3, card.dimensions)
    catalogue.track("Waits")
    undecodable = catalogue.track("Broken")
    connection.execute(
        "insert into search.job_failures (track_id, task, model, file_id, reason, permanent, attempts) "
        "select id, 'embed_track', %s, file_id, 'no audio', true, 1 from tracks where id = %s",
        [card.identity, undecodable],
    )
    found = one(connection, "select * from search.embedding_coverage")
    assert found.pop("coverage") == pytest.approx(0.75)
    assert found == {
        "identity": card.identity,
        "dimensions": card.dimensions,
        "role": "serving",
        "tracks": 5,
        "embedded": 3,
        "undecodable": 1,
        "failed": 0,
        "waiting": 1,
    }


def test_queue(catalogue: Catalogue, connection: Connection) -> None:
    catalogue.track("One")
    connection.execute("update procrastinate_events set at = at - interval '1 hour'")
    rows = connection.execute("select task, waiting, oldest_age > interval '59 minutes' from search.queue").fetchall()
    assert sorted(rows) == [("classify_genres", 1, True), ("embed_track", 1, True)]


def test_index_health(catalogue: Catalogue, providers: Providers, connection: Connection) -> None:
    fill(catalogue, 40, providers.embedding.card.dimensions)
    connection.execute("analyze search.embeddings")
    hnsw = "select * from search.index_health where method = 'hnsw'"
    before = one(connection, hnsw)
    assert before["valid"]
    assert before["schema_name"] == "search"
    assert before["bytes"] > 8192
    assert before["build_phase"] is None
    assert before["dead_share"] in {None, 0.0} or before["dead_share"] < 0.1
    tables = {row[0] for row in connection.execute("select table_name from search.index_health").fetchall()}
    assert {"tracks", "procrastinate_jobs", "documents"} <= tables
    connection.execute(
        "update pg_index set indisvalid = false where indexrelid = ("
        + hnsw.replace("*", "to_regclass('search.' || index_name)")
        + ")"
    )
    assert not one(connection, hnsw)["valid"]


def test_slow_queries_without_the_extension(connection: Connection) -> None:
    assert connection.execute("select * from search.slow_queries").fetchall() == []


def test_slow_queries(tmp_path_factory: pytest.TempPathFactory, providers: Providers) -> None:
    folder = tmp_path_factory.mktemp("slow") / "postgres"
    with EmbeddedPostgres(folder, settings={"shared_preload_libraries": "pg_stat_statements"}) as server:
        migrate(server.url, providers.embedding.card)
        with psycopg.connect(server.url, autocommit=True) as connection:
            assert connection.execute("select * from search.slow_queries").fetchall() == []
            connection.execute("create schema elsewhere; create extension pg_stat_statements schema elsewhere")
            for _ in range(3):
                connection.execute("select pg_sleep(0.01), 'slow'")
            rows = connection.execute(
                "select calls, mean_ms >= 10, rows_each from search.slow_queries where query like '%pg_sleep%'"
            ).fetchall()
    assert rows == [(3, True, 1.0)]
