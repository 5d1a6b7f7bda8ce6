"""Who may connect to the embedded server."""

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.cli.serve import listen
from app.database import EmbeddedPostgres, connect, grant_embedded, migrate, open_for_application
from app.providers import Providers
from app.settings import Settings
from tests.support.command import run_command
from tests.support.databases import folder_of_a_server

ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "DATA_DIR"}}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a data folder may be made."""
    with folder_of_a_server() as above:
        yield above / "postgres"


def refused(url: str, **options: Any) -> bool:
    """Whether no connection is made without the password."""
    try:
        psycopg.connect(make_conninfo(url, passfile="/dev/null/none", **options)).close()
    except psycopg.OperationalError as error:
        return "no password supplied" in str(error)
    return False


def who(url: str) -> tuple[object, ...] | None:
    with connect(url) as connection:
        return connection.execute(
            "select current_user::text, rolsuper from pg_roles where rolname = current_user"
        ).fetchone()


def require_passwords(server: EmbeddedPostgres, folder: Path) -> None:
    assert who(server.url) == ("postgres", True)
    assert who(server.application_url) == ("vibe_app", False)
    for url in (server.url, server.application_url):
        for database in ("vibe_search", "postgres", "template1"):
            assert refused(url, dbname=database)
    kept = folder.with_name("postgres.pgpass")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    passwords = [line.rpartition(":")[2] for line in kept.read_text().splitlines()]
    assert len({*passwords}) == 2
    assert not any(password in server.url + server.application_url for password in passwords)


def test_a_new_server_asks_for_passwords(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "of-another-server")
    with EmbeddedPostgres(folder, passwords=True) as server:
        require_passwords(server, folder)
    before = folder.with_name("postgres.pgpass").read_text()
    with EmbeddedPostgres(folder, passwords=True) as server:
        require_passwords(server, folder)
    assert folder.with_name("postgres.pgpass").read_text() == before


def test_a_server_of_an_earlier_version_is_closed(folder: Path, providers: Providers) -> None:
    with EmbeddedPostgres(folder) as server:
        migrate(server.url, providers.embedding.card)
        with connect(server.url) as connection:
            connection.execute("insert into artists values ('did:plc:a', 'a.example', 'Ann Arbor')")
    with EmbeddedPostgres(folder, passwords=True) as server:
        require_passwords(server, folder)
    with open_for_application(Settings(_env_file=None, data_dir=folder.parent)) as url, connect(url) as connection:
        found = connection.execute("select label from search.unified('ann arbor')").fetchall()
        assert found == [("Ann Arbor",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table public.mine ()")


def test_on_an_older_schema_they_say_what_to_do(folder: Path, providers: Providers) -> None:
    """Also on the first start of a version that has the application's role, which then has no rights."""
    with EmbeddedPostgres(folder) as server:
        migrate(server.url, providers.embedding.card)
        with connect(server.url) as connection:
            connection.execute("update vibe_search_version set version_num = '0012'")
    with closing(listen("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    environment = ENVIRONMENT | {"DATA_DIR": str(folder.parent)}
    for command in (["serve", "--port", port], ["worker", "--drain"]):
        ended = run_command(*command, environment=environment)
        assert ended.returncode == 2, ended.stderr
        assert "the schema is at 0012, this version needs" in ended.stderr
        assert "run vibe-search db migrate" in ended.stderr


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param("select", id="never granted"),
        pytest.param("drop owned by vibe_app", id="taken back"),
        pytest.param(
            "update search.schema_state set value = 'of another version' where key = 'granted';"
            "revoke all on search.tokens from vibe_app",
            id="of another version",
        ),
    ],
)
def test_grants_that_are_missing_are_made(folder: Path, providers: Providers, lost: str) -> None:
    """A process may be killed between the migration, or the passwords, and the grants."""
    settings = Settings(_env_file=None, data_dir=folder.parent)
    with EmbeddedPostgres(folder, passwords=True) as server:
        migrate(server.url, providers.embedding.card)
        if lost != "select":
            grant_embedded(server.url)
        with connect(server.url) as connection:
            connection.execute(lost.encode())
    with open_for_application(settings) as url, connect(url) as connection:
        for needed in ("search.schema_state", "search.tokens", "tracks"):
            connection.execute(f"select from {needed}".encode())


def test_two_grant_at_once(folder: Path, providers: Providers) -> None:
    """As `serve` and `worker`, which are started together."""
    with EmbeddedPostgres(folder, passwords=True) as server, ThreadPoolExecutor(4) as threads:
        migrate(server.url, providers.embedding.card)
        for _ in threads.map(grant_embedded, [server.url] * 4):
            pass
        with connect(server.application_url) as connection:
            connection.execute("select from search.tokens")


def test_also_while_another_process_uses_it(folder: Path) -> None:
    with EmbeddedPostgres(folder), EmbeddedPostgres(folder, passwords=True) as server:
        require_passwords(server, folder)


def test_a_password_file_that_was_lost_is_made_anew(folder: Path) -> None:
    with EmbeddedPostgres(folder, passwords=True):
        pass
    folder.with_name("postgres.pgpass").unlink()
    with EmbeddedPostgres(folder, passwords=True) as server:
        require_passwords(server, folder)


def test_an_empty_database_has_no_grants_yet(folder: Path) -> None:
    with EmbeddedPostgres(folder, passwords=True) as server:
        grant_embedded(server.url)
        with connect(server.application_url) as connection:
            assert connection.execute("select to_regnamespace('search')").fetchone() == (None,)


def test_people_connect_as_the_owner() -> None:
    with folder_of_a_server() as above:
        assert run_command("db", "migrate", environment=ENVIRONMENT, folder=above).returncode == 0
        shown = run_command("db", "psql", "-Atc", "select current_user", environment=ENVIRONMENT, folder=above)
        assert (shown.returncode, shown.stdout) == (0, "postgres\n")
        url = run_command("db", "url", environment=ENVIRONMENT, folder=above).stdout.strip()
        assert url.endswith(f"passfile={above}/.data/postgres.pgpass")


def test_the_password_of_the_application_is_not_for_people_to_choose() -> None:
    with folder_of_a_server() as above:
        chosen = ENVIRONMENT | {"VIBE_APP_PASSWORD": "chosen", "VIBE_READER_PASSWORD": "reads"}
        done = run_command("db", "migrate", "--roles", environment=chosen, folder=above)
        assert done.returncode == 0, done.stderr
        data = above / ".data" / "postgres"
        with EmbeddedPostgres(data, passwords=True) as server:
            require_passwords(server, data)
            with psycopg.connect(server.url, user="vibe_reader", password=chosen["VIBE_READER_PASSWORD"]) as reader:
                assert reader.execute("select current_user::text").fetchone() == ("vibe_reader",)
