"""The application as vibe_app, people as vibe_reader: what they may, and what they may not."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier
from sqlalchemy import text

from app.auth import Scope, create_token
from app.database import ROLES, Database, EmbeddedPostgres, connect, grant_roles, migrate, require_schema
from app.errors import UserError
from app.processing.calibration import calibrate
from app.processing.library_map import draw
from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import open_client
from tests.support.catalogue import Catalogue
from tests.support.command import run_command
from tests.support.recordings import excerpt
from workers.app import run_worker

Connection = psycopg.Connection[Any]


@pytest.fixture
def granted(database: str, server: EmbeddedPostgres) -> Iterator[str]:
    """The database, with both roles; they go with it."""
    grant_roles(database, dict.fromkeys(ROLES, "a'pass\\word"))
    yield database
    with connect(database) as connection:
        connection.autocommit = True
        for role in ROLES:
            connection.execute(SQL("drop owned by {}").format(Identifier(role)))
    with psycopg.connect(server.url, autocommit=True) as connection:
        for role in ROLES:
            connection.execute(SQL("drop role {}").format(Identifier(role)))


def url_of(database: str, role: str) -> str:
    """Of the database, for a role; the server of the tests asks nobody for a password."""
    return database.replace("postgres:@", f"{role}@", 1)


def as_role(database: str, role: str) -> Connection:
    return psycopg.connect(url_of(database, role), autocommit=True)


def test_the_application_works_as_vibe_app(granted: str, providers: Providers, tmp_path: Path) -> None:
    """Upload, embedding, genres, search, change, map, calibration and deletion; nothing of it as the owner."""
    url = url_of(granted, "vibe_app")
    settings = Settings(_env_file=None, database_url=url, data_dir=tmp_path, semantic_deadline_seconds=10.0)
    with as_role(granted, "vibe_app") as connection:
        artist = Catalogue(connection).artist("anna.example", "Anna Quay")

    async def steps() -> list[Any]:
        async with Database.open(url, pool_size=1) as opened, open_client(settings, providers) as client:
            assert await opened.scalar(text("select current_user")) == "vibe_app"
            token = (await create_token(opened, artist, [Scope.UPLOAD])).token
            client.headers["authorization"] = f"Bearer {token}"
            audio = {"audio": ("a.opus", excerpt("calm_acoustic_1").read_bytes())}
            fields = {"title": "Harbour", "album": "Quays", "tags": ["tape"], "auto_tag": "true"}
            created: httpx2.Response = await client.post("/tracks", data=fields, files=audio)
            assert created.status_code == 201, created.text
            track = created.json()["id"]
            await run_worker(url, settings, providers, wait=False)
            done = (await client.get(f"/tracks/{track}")).json()
            await calibrate(opened, providers.embedding, at_once=True)
            # or the worker's own task has drawn it
            await draw(opened)
            drawn = await opened.scalar(text("select count(*) from search.map_points"))
            found = (await client.get("/search/?q=harbour")).json()["results"][0]["title"]
            similar = (await client.get(f"/tracks/{track}/similar")).status_code
            changed = await client.patch(f"/tracks/{track}", json={"title": "Quay", "tags": []})
            scraped = await client.get("/metrics")
            deleted = await client.delete(f"/tracks/{track}")
        assert "vibe_search_database_up 1.0" in scraped.text
        state = done["processing"]["state"]
        return [state, len(done["tags"]) > 1, drawn, found, similar, changed.status_code, deleted.status_code]

    assert asyncio.run(steps()) == ["done", True, 1, "Harbour", 200, 200, 204]


def test_a_worker_finishes_a_switch_as_vibe_app(granted: str, catalogue: Catalogue) -> None:
    """The owner has made the store; that it serves is written into a function, which vibe_app does not own."""
    identity = "another@0123456789ab"
    catalogue.connection.execute("select search.register_model('another', %s, 3)", [identity])
    catalogue.connection.execute("select search.request_model(%s)", [identity])
    with as_role(granted, "vibe_app") as connection:
        row = connection.execute("select search.finish_switch()").fetchone()
        assert row == (identity,)
        assert connection.execute("select * from search.nearest_tracks('[1,0,0]')").fetchall() == []
    owner = "select proowner::regrole::text from pg_proc where proname = 'nearest_tracks'"
    assert catalogue.connection.execute(owner.encode()).fetchone() == ("postgres",)


def test_a_role_without_grants_is_told_who_makes_them(granted: str) -> None:
    require_schema(url_of(granted, "vibe_app"))
    with connect(granted) as connection:
        connection.execute("drop owned by vibe_app")
    with pytest.raises(UserError, match="Run vibe-search db roles as the owner"):
        require_schema(url_of(granted, "vibe_app"))


FORBIDDEN = [
    "create table public.mine ()",
    "create table search.mine ()",
    "drop table tracks",
    "alter table tracks add column mine text",
    "truncate tracks",
    "create or replace function search_internal.logistic(log_odds float8) returns float8 language sql return 1",
    "drop view search.queue",
    "update search.schema_state set value = 'x'",
    "update vibe_search_version set version_num = 'x'",
    "update search.models set identity = 'x''; drop table tracks; --'",
    "insert into search.models (name, identity, dimensions) values ('a', 'b', 3)",
    "alter role vibe_app superuser",
    "copy tracks to program 'true'",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_vibe_app_writes_rows_and_nothing_else(granted: str, statement: str) -> None:
    with as_role(granted, "vibe_app") as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(statement.encode())


def test_vibe_reader_looks(granted: str, catalogue: Catalogue) -> None:
    catalogue.track("Harbour")
    with as_role(granted, "vibe_reader") as connection:
        assert connection.execute("select label from search.unified('harbour')").fetchall() == [("Harbour",)]
        for view in ("embedding_coverage", "queue", "index_health", "slow_queries", "mirror_lag", "track_embeddings"):
            connection.execute(f"select * from search.{view}".encode())
        connection.execute("select * from search.recall_check(1)")


@pytest.mark.parametrize(
    "statement",
    ["select * from search.tokens", "select count(*) from search.tokens", "copy search.tokens to stdout", *FORBIDDEN],
)
def test_vibe_reader_sees_no_tokens_and_changes_nothing(granted: str, statement: str) -> None:
    with as_role(granted, "vibe_reader") as connection:
        connection.execute("set default_transaction_read_only = off")
        with pytest.raises(InsufficientPrivilege):
            connection.execute(statement.encode())


@pytest.mark.parametrize("statement", ["delete from tracks", "insert into tags (name) values ('a')"])
def test_vibe_reader_writes_nothing(granted: str, statement: str) -> None:
    with as_role(granted, "vibe_reader") as connection:
        connection.execute("set default_transaction_read_only = off")
        with pytest.raises(InsufficientPrivilege):
            connection.execute(statement.encode())


def test_others_tables_are_not_theirs(database: str, catalogue: Catalogue) -> None:
    catalogue.connection.execute("create table public.payments (card text)")
    grant_roles(database, {})
    try:
        allowed = "select has_table_privilege('vibe_app', 'public.payments', 'select')"
        assert catalogue.connection.execute(allowed.encode()).fetchone() == (False,)
    finally:
        catalogue.connection.execute("drop owned by vibe_app, vibe_reader; drop role vibe_app, vibe_reader")


@pytest.mark.usefixtures("granted")
def test_what_runs_as_its_owner_is_for_the_application_alone(catalogue: Catalogue) -> None:
    """And no type of a caller's temporary schema comes before the database's own in it."""
    rows: list[Any] = catalogue.connection.execute(
        "select p.proname, p.prorettype = 'trigger'::regtype, p.proconfig, "
        "has_function_privilege('vibe_app', p.oid, 'execute'), has_function_privilege('vibe_reader', p.oid, 'execute') "
        "from pg_proc p "
        "where p.prosecdef and p.pronamespace::regnamespace::text in ('search', 'search_internal', 'public')"
    ).fetchall()
    # a trigger's function is called by nobody: who may execute it might make triggers with it
    assert len(rows) > 1
    for name, is_trigger, configuration, application, reader in rows:
        assert configuration[0] == "search_path=pg_catalog, search, pg_temp", name
        assert (application, reader) == (not is_trigger, False), name
        assert is_trigger or name == "bind_nearest_tracks"


def test_statements_have_a_timeout(granted: str) -> None:
    found = {}
    for role in ROLES:
        with as_role(granted, role) as connection:
            row = connection.execute("select current_setting('statement_timeout'), current_setting('lock_timeout')")
            found[role] = row.fetchone()
    assert found == {"vibe_app": ("2min", "10s"), "vibe_reader": ("30s", "2s")}


def test_passwords_are_kept_as_their_hash_and_shown_never(
    granted: str, catalogue: Catalogue, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = catalogue.connection.execute("select rolpassword from pg_authid where rolname like 'vibe\\_%'").fetchall()
    assert all(str(row[0]).startswith("SCRAM-SHA-256$") for row in rows)
    environment = os.environ | {"DATABASE_URL": granted, "VIBE_APP_PASSWORD": "canary-password"}
    for options in (["--dry-run"], ["--json"], ["--json", "--dry-run"], []):
        done = run_command("db", "roles", *options, environment=environment)
        assert done.returncode == 0, done.stderr
        assert "canary" not in done.stdout + done.stderr
        if options[:1] == ["--json"]:
            assert "alter role \"vibe_app\" login password '...'" in json.loads(done.stdout)["statements"]
    assert capfd.readouterr().out == ""


def test_a_dry_run_changes_nothing(database: str, catalogue: Catalogue) -> None:
    statements = grant_roles(database, {}, dry_run=True)
    assert statements[:2] == ['create role "vibe_app" nologin', 'create role "vibe_reader" nologin']
    assert catalogue.connection.execute("select from pg_roles where rolname = 'vibe_app'").fetchall() == []


def test_migrating_again_leaves_them_what_they_have(granted: str, providers: Providers) -> None:
    migrate(granted, providers.embedding.card)
    with as_role(granted, "vibe_app") as connection:
        assert connection.execute("select * from search.unified('anything')").fetchall() == []
        connection.execute("select * from search.queue")
