"""Letting go of an application's tables, and coming back."""

import json
import subprocess
import threading
from pathlib import Path

import httpx2
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from app.database import ROLES, adopt, connect, find_program, grant_roles, inspect_schema, migrate, release
from app.errors import UserError
from app.providers import Providers
from app.settings import Settings
from tests.app.database.adoption.conftest import APPLICATION, Connection
from tests.app.database.adoption.test_adopted_search import labels, require_equal_documents
from tests.app.database.adoption.test_adopted_service import command, run

MIGRATIONS = (
    (
        "alter table tracks drop column visibility; "
        "alter table tracks add column visibility varchar not null default 'private'"
    ),
    "alter table tracks alter column title type varchar(500), alter column file_id type varchar(200)",
    "alter table tracks alter column id type bigint",
    "alter table artists drop column avatar_url",
    (
        "alter table playlists alter column name type varchar(300); "
        "alter table playlists add column visibility text not null default 'private'"
    ),
    "alter table tags rename to words; alter table words rename to tags",
    "alter table tracks drop column extra, add column extra jsonb not null default '{}'",
    "alter table albums drop column title; alter table albums add column title varchar not null default 'Untitled'",
)


@pytest.mark.parametrize("migration", MIGRATIONS)
def test_a_migration_of_the_application_runs(
    adopted: str, owner: Connection, application: Connection, providers: Providers, migration: str
) -> None:
    released = release(adopted)
    assert len(released.triggers["tracks"]) == 11
    assert "released" in inspect(adopted)
    owner.execute(migration.encode())
    application.execute("update tracks set title = 'Fast Tide' where id = 1")
    application.execute("delete from playlists")
    application.execute("delete from tracks where id = 4")
    application.execute(
        "insert into tracks (title, file_id, file_type, created_at, artist_did, visibility) "
        "values ('Lantern', '0011223344556677', 'ogg', now(), 'did:plc:bert', 'public')"
    )
    adopt(adopted, providers.embedding.card)
    assert inspect(adopted) == ""
    with connect(adopted) as connection:
        assert labels(connection, "lantern") == ["Lantern"]
        require_equal_documents(connection)
    application.execute("update tracks set title = 'Candle' where title = 'Lantern'")
    with connect(adopted) as connection:
        assert labels(connection, "candle") == ["Candle"]
    assert adopt(adopted, providers.embedding.card) == []


def inspect(url: str) -> str:
    with connect(url) as connection:
        return "; ".join(inspect_schema(connection).missing)


def test_nothing_is_read_while_it_is_released(
    adopted: str, application: Connection, settings: Settings, providers: Providers
) -> None:
    """A row that becomes private meanwhile is not shown, before and after the adoption."""
    paths = ("/search/?q=slow+tide", "/search/?q=nothing+like+it", "/search/semantic?q=calm", "/tracks/1", "/map")

    async def steps(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        assert (await client.get("/search/?q=slow+tide")).json()["results"]
        release(adopted)
        application.execute("update tracks set visibility = 'private' where id = 1")
        refused = [await client.get(path) for path in paths]
        refused.append(await client.delete("/tracks/1"))
        adopt(adopted, providers.embedding.card)
        assert not (await client.get("/search/?q=slow+tide")).json()["results"]
        assert (await client.get("/search/?q=night+ferry")).json()["results"]
        return refused

    for answer in run(settings, providers, steps, did=None):
        assert answer.status_code == 503, (answer.url, answer.text)
        assert answer.json()["code"] == "released"
        assert answer.headers["retry-after"] == "60"


def test_writers_and_a_release_do_not_stand_in_each_others_way(
    adopted: str, owner: Connection, providers: Providers
) -> None:
    owner.execute(
        "insert into tracks (title, file_id, file_type, created_at, artist_did) "
        "select 'Track ' || n, 'x' || n, 'mp3', now(), 'did:plc:bert' from generate_series(1, 100) n"
    )
    over = threading.Event()
    failures: list[BaseException] = []

    def write(statement: str) -> None:
        try:
            with psycopg.connect(adopted, autocommit=True, user=APPLICATION) as connection:
                while not over.is_set():
                    connection.execute(statement.encode())
        except psycopg.Error as error:
            failures.append(error)

    statements = (
        "update tracks set title = 'Track ' || clock_timestamp() where id % 50 = 7",
        "update artists set bio = clock_timestamp()::text",
    )
    writers = [threading.Thread(target=write, args=(statement,)) for statement in statements]
    for writer in writers:
        writer.start()
    try:
        for _ in range(3):
            release(adopted)
            adopt(adopted, providers.embedding.card)
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert failures == []
    with connect(adopted) as connection:
        require_equal_documents(connection)


def test_functions_that_name_columns_of_the_application_go(adopted: str, owner: Connection) -> None:
    owner.execute(
        "create function search.likes_of(viewer text) returns bigint language sql stable set search_path = pg_catalog "
        "begin atomic select count(*) from public.track_likes l where l.user_did = viewer; end"
    )
    release(adopted)
    owner.execute("alter table track_likes drop column user_did")
    assert owner.execute("select to_regproc('search.likes_of')").fetchone() == (None,)


def test_a_second_release_does_nothing(adopted: str, providers: Providers) -> None:
    assert release(adopted, dry_run=True).triggers
    assert release(adopted).triggers
    assert not release(adopted).triggers
    migrate(adopted, providers.embedding.card)
    with connect(adopted) as connection:
        assert labels(connection, "slow tide") == ["Slow Tide"]


def test_a_catalogue_of_ones_own_is_not_released(empty_database: str, providers: Providers) -> None:
    migrate(empty_database, providers.embedding.card)
    with pytest.raises(UserError, match="not adopted"):
        release(empty_database)


def test_the_command(adopted: str, tmp_path: Path) -> None:
    script = command(adopted, tmp_path, "db", "release", "--dry-run")
    assert script.returncode == 0, script.stderr
    planned = json.loads(command(adopted, tmp_path, "db", "release", "--dry-run", "--json").stdout)
    assert planned["dry_run"]
    assert planned["sql"] == script.stdout
    file = tmp_path / "release.sql"
    file.write_text(script.stdout, encoding="utf-8")
    psql = [str(find_program("psql")), "--no-psqlrc", "--quiet", "--file", str(file), adopted]
    finished = subprocess.run(psql, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "already" in command(adopted, tmp_path, "db", "release").stdout
    refused = command(adopted, tmp_path, "search", "slow tide")
    assert refused.returncode == 2
    assert "run vibe-search db adopt" in refused.stderr
    assert command(adopted, tmp_path, "db", "adopt").returncode == 0
    done = command(adopted, tmp_path, "db", "release", "--json")
    assert json.loads(done.stdout)["triggers"] == planned["triggers"]


def test_the_role_of_the_service_is_refused_and_comes_back(
    adopted: str, owner: Connection, providers: Providers
) -> None:
    grant_roles(adopted, dict.fromkeys(ROLES, "secret"))
    try:
        release(adopted)
        with psycopg.connect(adopted, autocommit=True, user=ROLES[0]) as service:
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
                labels(service, "slow tide")
            adopt(adopted, providers.embedding.card)
            assert labels(service, "slow tide") == ["Slow Tide"]
            assert service.execute("select from search.stale_tables").fetchall() == []
    finally:
        for role in ROLES:
            owner.execute(SQL("drop owned by {0}; drop role {0}").format(Identifier(role)))
