"""A database that can only be read: searching goes on, and what would write is told where to."""

import asyncio
import os
from pathlib import Path

import httpx2
import psycopg
import pytest

from app.auth import Scope, create_token
from app.database import Database
from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import open_client
from tests.support.catalogue import Catalogue
from tests.support.command import run_command
from tests.support.recordings import excerpt

WORDS = "the database can only be read"


@pytest.fixture
def token(database: str, catalogue: Catalogue, providers: Providers) -> str:
    """Of the artist of a track; from then on nothing can be written."""
    track = catalogue.track("Slow Harbour")
    catalogue.embed(track, providers.embedding.embed_text("harbour"))

    async def make() -> str:
        async with Database.open(database, pool_size=1) as opened:
            made = await create_token(opened, catalogue.artist(), [Scope.UPLOAD])
        return made.token

    token = asyncio.run(make())
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    catalogue.connection.execute(f"alter database {name} set default_transaction_read_only = on".encode())
    return token


def test_searches_go_on_and_changes_are_refused_in_words(token: str, settings: Settings, providers: Providers) -> None:
    async def steps() -> list[httpx2.Response]:
        async with open_client(settings, providers) as client:
            client.headers["authorization"] = f"Bearer {token}"
            for path in (
                "/search/?q=harbour",
                "/search/semantic?q=slow+harbour",
                "/tracks/1",
                "/tracks/1/similar",
                "/readyz",
                "/metrics",
            ):
                answer = await client.get(path)
                assert answer.status_code == 200, (path, answer.text)
            audio = {"audio": ("a.opus", excerpt("calm_acoustic_1").read_bytes())}
            return [
                await client.post("/tracks", data={"title": "New"}, files=audio),
                await client.put("/tracks/1/audio", files=audio),
                await client.patch("/tracks/1", json={"title": "Other"}),
                await client.delete("/tracks/1"),
            ]

    for answer in asyncio.run(steps()):
        assert answer.status_code == 503, answer.text
        assert answer.json()["detail"].startswith(WORDS)
        assert "primary" in answer.json()["detail"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("worker", "--drain"),
        ("token", "create", "--did", "did:plc:somebody.example", "--scope", "read"),
        ("db", "migrate"),
        ("db", "roles"),
    ],
    ids=" ".join,
)
def test_commands_that_write_say_so(token: str, database: str, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    environment = os.environ | {"DATABASE_URL": database, "DATA_DIR": str(tmp_path)}
    finished = run_command(*arguments, environment=environment)
    assert finished.returncode == 2, finished.stdout + finished.stderr
    assert WORDS in finished.stderr
    assert token not in finished.stderr
