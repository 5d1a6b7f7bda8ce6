"""A dump that a plain owner restores on another server, by the lines of the page for DBAs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.database import EmbeddedPostgres, adopt, connect, find_program, load_rules, migrate
from app.providers import Providers
from tests.support.catalogue import Catalogue
from tests.support.databases import new_database, running_server, sibling

Connection = psycopg.Connection[Any]

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "dba.md"
SAMPLE = Path(__file__).parents[3] / "app" / "measure" / "sample" / "existing_catalogue.sql"
EXISTING_ROWS = Path(__file__).with_name("adoption") / "existing_rows.sql"

QUERIES = ("harbour", "harbuor", "slow", "lamp", "ber")

COMMENTS = """
    select pg_describe_object(classoid, objoid, objsubid) as object, description
    from pg_description
    where pg_describe_object(classoid, objoid, objsubid) !~ '^(extension|schema public)'
      and (classoid, objoid) in (
        select 'pg_class'::regclass, oid from pg_class where relnamespace = any (%(schemas)s::regnamespace[])
        union all select 'pg_proc'::regclass, oid from pg_proc where pronamespace = any (%(schemas)s::regnamespace[])
        union all select 'pg_type'::regclass, oid from pg_type where typnamespace = any (%(schemas)s::regnamespace[])
        union all select 'pg_namespace'::regclass, oid from pg_namespace where oid = any (%(schemas)s::regnamespace[]))
    order by 1, 2
"""


@pytest.fixture(scope="module")
def second_server() -> Iterator[EmbeddedPostgres]:
    """Another cluster, which has none of the first one's roles."""
    with running_server() as running:
        yield running


@pytest.fixture
def filled(catalogue: Catalogue, database: str, providers: Providers) -> str:
    """URL of the test's database, with tracks in it."""
    artist = catalogue.artist("anna.example", "Anna Quay")
    album = catalogue.album("Slow Tapes", artist=artist)
    for number, title in enumerate(("Harbour at Night", "Slow Harbour", "Tape Loops", "Hidden Harbour")):
        visibility = "private" if title.startswith("Hidden") else "public"
        track = catalogue.track(title, artist=artist, album_id=album, tags=("tape",), visibility=visibility)
        catalogue.embed(track, providers.embedding.embed_text(f"{title} {number}"))
    return database


def answers(url: str, providers: Providers) -> list[Any]:
    found: list[Any] = []
    with connect(url) as connection:
        for query in QUERIES:
            vector = "[" + ",".join(map(str, providers.embedding.embed_text(query).tolist())) + "]"
            for viewer in (None, "did:plc:anna.example", "did:plc:bert"):
                found += connection.execute(
                    "select type, key, label, tier, matched, relevance, similarity "
                    "from search.unified(%s, %s::halfvec, viewer => %s)",
                    [query, vector, viewer],
                ).fetchall()
        found += connection.execute(
            "select * from search.nearest_tracks((select embedding from search.track_embeddings limit 1))"
        ).fetchall()
        found += connection.execute("select * from search.help()").fetchall()
    return found


def comments(url: str) -> list[Any]:
    with connect(url) as connection:
        schemas = ["search", "search_internal", "public"]
        return connection.execute(COMMENTS, {"schemas": schemas}).fetchall()


def blocks() -> list[str]:
    """What is typed in the section of the page, in its order."""
    section = PAGE.read_text(encoding="utf-8").partition("## Back up and restore\n")[2].partition("\n## ")[0]
    return re.findall(r"^```console\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def run(script: str, folder: Path, environment: dict[str, str]) -> None:
    """Run lines of a page as a shell does."""
    path = os.pathsep.join([str(find_program("pg_dump").parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    whole = os.environ | {"PATH": path, "DATA_DIR": str(folder)} | environment
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, env=whole, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def lines(block: str) -> str:
    """Without the prompts of the shell and of psql."""
    return "\n".join(re.sub(r"^(\$|\w+=#) ", "", line) for line in block.splitlines())


def restore(url: str, second: EmbeddedPostgres, folder: Path) -> str:
    """Do what the page says; returns the URL of the owner of the new database."""
    with psycopg.connect(sibling(second.url, "postgres"), autocommit=True) as admin:
        admin.execute("drop database if exists music with (force)")
        for role in ("vibe_app", "vibe_reader", "vibe_owner"):
            admin.execute(f"drop role if exists {role}".encode())
    dump, making, steps = blocks()
    run(lines(dump), folder, {"DATABASE_URL": url})
    (folder / "making.sql").write_text(lines(making), encoding="utf-8")
    run(f"psql --set ON_ERROR_STOP=1 --quiet --file=making.sql '{sibling(second.url, 'postgres')}'", folder, {})
    owner = sibling(second.url, "music").replace("postgres:@", "vibe_owner:@")
    run(lines(steps), folder, {"DATABASE_URL": owner})
    return owner


def test_it_answers_the_same(
    filled: str, providers: Providers, second_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    before = answers(filled, providers)
    assert len(before) > 40
    url = restore(filled, second_server, tmp_path)
    assert answers(url, providers) == before
    assert comments(url) == comments(filled)
    assert migrate(url, providers.embedding.card) == [], "nothing is missing"
    with connect(url) as connection:
        connection.autocommit = True
        again = Catalogue(connection)
        track = again.track("Written Afterwards", artist="did:plc:anna.example")
        found = connection.execute("select key from search.unified('written afterwards')").fetchall()
        assert found == [(str(track),)]
        jobs = connection.execute(
            "select count(*) from procrastinate_jobs where (args->>'track_id')::bigint = %s", [track]
        ).fetchone()
        assert jobs == (2,)
        plan = connection.execute("select count(*) from search.index_health where method = 'hnsw' and valid").fetchone()
        assert plan == (1,)
    with connect(url.replace("vibe_owner:@", "vibe_app:@")) as connection:
        assert connection.execute("select count(*) from search.unified('harbour')").fetchone() != (0,)


def test_a_superuser_restores_without_a_list(
    filled: str, providers: Providers, second_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    """As in containers, whose owner is one."""
    before = answers(filled, providers)
    run(f"pg_dump --format=custom '{filled}' > vibe.dump", tmp_path, {})
    with new_database(second_server) as url:
        run(f"pg_restore --dbname='{url}' --no-privileges --exit-on-error < vibe.dump", tmp_path, {})
        assert migrate(url, providers.embedding.card) == []
        assert answers(url, providers) == before


def test_an_adopted_catalogue_answers_the_same(
    server: EmbeddedPostgres, providers: Providers, second_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with new_database(server) as database:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(SAMPLE.read_bytes())
            connection.execute(EXISTING_ROWS.read_bytes())
        adopt(database, providers.embedding.card, rules=load_rules("plyr.fm"))
        before = answers(database, providers)
        assert len(before) > 20
        url = restore(database, second_server, tmp_path)
        assert answers(url, providers) == before
        assert comments(url) == comments(database)
    with connect(url) as connection:
        connection.execute("update public.tracks set title = 'Written Afterwards'")
        found = connection.execute("select count(*) from search.unified('written afterwards')").fetchone()
        assert found != (0,)
