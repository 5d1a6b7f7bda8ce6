"""A database that was dumped and restored answers as it did, and goes on."""

import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.database import EmbeddedPostgres, connect, find_program, migrate
from app.providers import Providers
from tests.support.catalogue import Catalogue
from tests.support.databases import new_database

Connection = psycopg.Connection[Any]

QUERIES = ("harbour", "harbuor", "ann", "slow", "tape")


@pytest.fixture
def filled(catalogue: Catalogue, providers: Providers) -> Catalogue:
    artist = catalogue.artist("anna.example", "Anna Quay")
    album = catalogue.album("Slow Tapes", artist=artist)
    for number, title in enumerate(("Harbour at Night", "Slow Harbour", "Tape Loops", "Hidden Harbour")):
        visibility = "private" if title.startswith("Hidden") else "public"
        track = catalogue.track(title, artist=artist, album_id=album, tags=("tape",), visibility=visibility)
        catalogue.embed(track, providers.embedding.embed_text(f"{title} {number}"))
    return catalogue


def answers(connection: Connection, providers: Providers) -> list[Any]:
    found: list[Any] = []
    for query in QUERIES:
        vector = "[" + ",".join(map(str, providers.embedding.embed_text(query).tolist())) + "]"
        for viewer in (None, "did:plc:anna.example"):
            found += connection.execute(
                "select type, key, label, tier, matched, relevance, similarity "
                "from search.unified(%s, %s::halfvec, viewer => %s)",
                [query, vector, viewer],
            ).fetchall()
    found += connection.execute(
        "select * from search.nearest_tracks((select embedding from search.track_embeddings limit 1))"
    ).fetchall()
    return found


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_answers_the_same(
    filled: Catalogue, database: str, providers: Providers, server: EmbeddedPostgres, tmp_path: Path
) -> None:
    before = answers(filled.connection, providers)
    assert len(before) > 20
    dump = tmp_path / "vibe.dump"
    run(find_program("pg_dump"), "--format=custom", f"--file={dump}", database)
    with new_database(server) as url:
        run(find_program("pg_restore"), f"--dbname={url}", "--exit-on-error", "--jobs=2", dump)
        assert migrate(url, providers.embedding.card) == [], "nothing is missing"
        with connect(url) as connection:
            connection.autocommit = True
            assert answers(connection, providers) == before
            again = Catalogue(connection)
            track = again.track("Written Afterwards", artist="did:plc:anna.example")
            found = connection.execute("select key from search.unified('written afterwards')").fetchall()
            assert found == [(str(track),)]
            jobs = connection.execute(
                "select count(*) from procrastinate_jobs where (args->>'track_id')::bigint = %s", [track]
            ).fetchone()
            assert jobs == (2,)
            plan = connection.execute(
                "select count(*) from search.index_health where method = 'hnsw' and valid"
            ).fetchone()
            assert plan == (1,)
