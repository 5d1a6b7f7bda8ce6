"""What is said about a connection that a real server refuses, and about one that is not there."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy import text

from app.database import Database, EmbeddedPostgres, connect, migrate, normalise_url
from app.errors import DatabaseRefusedError, DatabaseUnavailableError, UserError
from app.providers import Providers
from tests.support.command import run_command
from tests.support.databases import FAST, folder_of_a_server
from tests.support.proxy import free_port

ODD = """p@ss:w/o?r#d%41 '"\\é&="""
"""A password of all letters that end one early in a URL."""


@pytest.fixture(scope="module")
def guarded() -> Iterator[EmbeddedPostgres]:
    """A server that asks for passwords, with a role whose password is odd."""
    with (
        folder_of_a_server() as folder,
        EmbeddedPostgres(folder / "postgres", settings=FAST, passwords=True) as server,
        psycopg.connect(server.url, autocommit=True) as admin,
    ):
        admin.execute(SQL("create role owner login password {}").format(Literal(ODD)))
        admin.execute("create role idle password 'x'")
        yield server


def url_of(server: EmbeddedPostgres, role: str, password: str = "", database: str = "") -> str:
    parts = conninfo_to_dict(server.url)
    secret = f":{quote(password, safe='')}" if password else ""
    # a file without passwords in place of the user's own
    query = f"host={quote(str(parts['host']), safe='')}&port={parts['port']}&passfile=/dev/null"
    return f"postgresql://{role}{secret}@/{database or parts['dbname']}?{query}"


def refusal(url: str) -> str:
    with pytest.raises(DatabaseRefusedError) as refused:
        connect(url)
    return str(refused.value)


def test_an_odd_password_is_taken(guarded: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(url_of(guarded, "owner", ODD)).close()
    monkeypatch.setenv("PGPASSWORD", ODD)
    connect(url_of(guarded, "owner")).close()


@pytest.mark.parametrize("letter", "@:/?#%")
def test_a_password_that_ends_the_url_early_is_not_shown(letter: str) -> None:
    for secret in (f"se{letter}cret", f"12{letter}qzx", f"se{letter}{letter}zz", f"{letter}cret"):
        url = f"postgresql://owner:{secret}@127.0.0.1:{free_port()}/x"
        with pytest.raises((UserError, DatabaseUnavailableError)) as failed:
            connect(url)
        text = str(failed.value)
        assert "DATABASE_URL" in text
        assert secret not in text
        assert secret.rpartition(letter)[2] not in text


@pytest.mark.parametrize("letter", "&=#?%")
def test_a_password_among_the_parameters_is_not_shown(letter: str) -> None:
    for secret in (f"se{letter}cret", f"se{letter}cret=1", f"se{letter}{letter}cret"):
        for url in (
            f"postgresql://owner@127.0.0.1:{free_port()}/x?password={secret}",
            f"postgresql://127.0.0.1:{free_port()}/x?user=owner&password={secret}&connect_timeout=1",
        ):
            for attempt in (connect, Database.open, normalise_url):
                said = ""
                try:
                    attempt(url)
                except (UserError, DatabaseUnavailableError) as failed:
                    said = str(failed)
                assert "cret" not in said


def test_a_wrong_password_is_named_by_where_it_comes_from(
    guarded: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGPASSWORD", "POSTGRES_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    said = refusal(url_of(guarded, "owner", "wr0ng"))
    assert 'the role "owner": the password in DATABASE_URL is not its password' in said
    assert "alter role owner password '...'" in said
    assert 'asks for a password of the role "owner"' in refusal(url_of(guarded, "owner"))
    monkeypatch.setenv("PGPASSWORD", "wr0ng")
    said += refusal(url_of(guarded, "owner"))
    assert "PGPASSWORD is not its password" in said
    # as the service migrate of docker-compose.yml has it
    monkeypatch.setenv("POSTGRES_PASSWORD", "wr0ng")
    said += refusal(url_of(guarded, "owner"))
    assert 'POSTGRES_PASSWORD is not the password of the role "owner"' in said
    assert "docker compose exec db psql --username owner vibe_search --command" in said
    assert "wr0ng" not in said


def test_the_remedy_for_a_wrong_password_works(guarded: EmbeddedPostgres) -> None:
    wrong, new = url_of(guarded, "owner", "new"), "new"
    statement = refusal(wrong).rpartition(": ")[2]
    assert statement == "alter role owner password '...'"
    with psycopg.connect(guarded.url, autocommit=True) as admin:
        admin.execute(statement.replace("...", new).encode())
        try:
            connect(wrong).close()
        finally:
            admin.execute(SQL("alter role {} password {}").format(Identifier("owner"), Literal(ODD)))


def test_every_kind_of_connection_says_the_same(guarded: EmbeddedPostgres, providers: Providers) -> None:
    url = url_of(guarded, "owner", "wr0ng")
    expected = refusal(url)

    async def ask() -> None:
        async with Database.open(url, pool_size=1) as database:
            await database.scalar(text("select 1"))

    with pytest.raises(DatabaseRefusedError) as refused:
        asyncio.run(ask())
    assert str(refused.value) == expected
    with pytest.raises(DatabaseRefusedError) as refused:
        migrate(url, providers.embedding.card)
    assert str(refused.value) == expected


def test_a_role_that_may_not_log_in(guarded: EmbeddedPostgres) -> None:
    assert 'the role "idle" may not log in' in refusal(url_of(guarded, "idle", "x"))


def test_a_role_and_a_database_that_are_not_there(server: EmbeddedPostgres) -> None:
    assert 'there is no role "ghost"' in refusal(url_of(server, "ghost"))
    user = str(conninfo_to_dict(server.url)["user"])
    said = refusal(url_of(server, user, database="nowhere"))
    assert said.startswith('there is no database "nowhere": name another one in DATABASE_URL')
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(said.rpartition(" (")[2].rstrip(")").encode())
        try:
            connect(url_of(server, user, database="nowhere")).close()
        finally:
            admin.execute("drop database nowhere")


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    port = free_port()
    places = {
        f"postgresql://x@127.0.0.1:{port}/x": f"nothing listens at 127.0.0.1, port {port}",
        f"postgresql://x@localhost:{port}/x": f"port {port}",
        "postgresql://x@nowhere.invalid/x": "the host nowhere.invalid is not known",
        f"postgresql://x@/x?host={tmp_path}": f"no server listens on the socket {tmp_path}",
    }
    for url, words in places.items():
        with pytest.raises(DatabaseUnavailableError) as lost:
            connect(url)
        assert not isinstance(lost.value, DatabaseRefusedError)
        assert words in str(lost.value)
        assert "DATABASE_URL" in str(lost.value)


def test_the_command_says_it_and_ends_with_2(guarded: EmbeddedPostgres, tmp_path: Path) -> None:
    secrets = {"PGPASSWORD": "wr0ng", "POSTGRES_PASSWORD": "wr0ng", "VIBE_APP_PASSWORD": "other"}
    settings = {"DATABASE_URL": url_of(guarded, "owner"), "DATA_DIR": str(tmp_path)}
    for arguments in (["db", "migrate", "--roles"], ["serve", "--port", str(free_port())], ["worker", "--drain"]):
        finished = run_command(*arguments, environment=os.environ | settings | secrets)
        assert finished.returncode == 2, finished.stderr
        assert finished.stderr.startswith('error: POSTGRES_PASSWORD is not the password of the role "owner"')
        assert "wr0ng" not in finished.stdout + finished.stderr


def test_hosts_are_read_as_libpq_reads_them(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """Sockets in the place of a host, and several hosts of which the first is away."""
    parts = conninfo_to_dict(server.url)
    socket, away = (quote(str(folder), safe="") for folder in (parts["host"], tmp_path))
    port = parts["port"]

    async def ask(url: str) -> object:
        async with Database.open(url, pool_size=1) as database:
            return await database.scalar(text("select current_database()"))

    role = f"{parts['user']}@"
    for hosts in (f"{socket}:{port}", f"{away}:1,{socket}:{port}"):
        url = f"postgresql://{role}{hosts}/{parts['dbname']}?application_name=x"
        connect(url).close()
        assert asyncio.run(ask(url)) == parts["dbname"], hosts


def test_a_url_keeps_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    for hosts in ("one:5432", "one:5432,two:5433", "%2Ftmp"):
        url = f"postgresql://owner:{quote(ODD, safe='')}@{hosts}/x?target_session_attrs=any"
        assert conninfo_to_dict(normalise_url(url)) == conninfo_to_dict(url)
        assert conninfo_to_dict(url)["password"] == ODD
