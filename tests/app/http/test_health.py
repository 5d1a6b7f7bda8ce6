"""GET /healthz and /readyz, and what happens while Postgres is away."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from app.database import EmbeddedPostgres, connect, migrate
from app.providers import Providers
from app.settings import Settings
from models.audio.decoding import missing_protections
from tests.app.conftest import open_client
from tests.support.decoders import decoding_by

Get = Callable[..., httpx2.Response]


def test_ready(get: Get) -> None:
    assert get("/healthz").json() == {"status": "ok"}
    response = get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "ready": True,
        "checks": {"database": "ok", "migrations": "ok", "models": "ok"},
        "missing": [f"audio is decoded without {name}: {why}" for name, why in missing_protections().items()],
    }


@pytest.mark.parametrize(
    ("program", "notice"),
    [
        ("tests.support.poor_decoder", "audio is decoded without system call filter: Operation not permitted"),
        ("tests.support.no_such_decoder", "audio cannot be decoded: the decoder died"),
    ],
)
def test_a_decoder_without_its_protections_is_told_and_no_reason_not_to_serve(
    get: Get, program: str, notice: str
) -> None:
    with decoding_by(program):
        response = get("/readyz")
    assert response.status_code == 200
    assert any(notice in line for line in response.json()["missing"])


@pytest.mark.parametrize(
    ("damage", "check", "words"),
    [
        ("update vibe_search_version set version_num = '0001'", "migrations", "run vibe-search db migrate"),
        ("update search.schema_state set value = 'other'", "migrations", "run vibe-search db migrate"),
        ("drop table vibe_search_version", "migrations", "the database is empty"),
        ("update search.models set identity = 'other@1'", "models", "the database serves vectors of other@1"),
    ],
)
def test_what_is_missing_is_said(
    get: Get, connection: psycopg.Connection[Any], damage: str, check: str, words: str
) -> None:
    connection.execute(damage.encode())
    response = get("/readyz")
    assert response.status_code == 503
    body = response.json()
    assert body["ready"] is False
    assert body["checks"][check] == "missing"
    assert words in " ".join(body["missing"])


def test_postgres_stopped_and_started_again(tmp_path: Path, providers: Providers) -> None:
    folder = tmp_path / "postgres"
    with EmbeddedPostgres(folder) as server:
        url = server.url
        migrate(url, providers.embedding.card)
        with connect(url) as connection:
            connection.execute("insert into artists values ('did:plc:a', 'a.example', 'Ann Arbor')")
    # leaving the server stopped it; the application starts without it and must mend itself
    settings = Settings(_env_file=None, database_url=url, data_dir=tmp_path)
    asyncio.run(_search_through_an_outage(settings, providers, folder))


async def _search_through_an_outage(settings: Settings, providers: Providers, folder: Path) -> None:
    async with open_client(settings, providers) as client:
        with EmbeddedPostgres(folder):
            assert [r["handle"] for r in await _results(client)] == ["a.example"]
        for path in ("/search/?q=ann", "/search/semantic?q=piano", "/audio/abc"):
            response = await client.get(path)
            assert response.status_code == 503
            assert response.headers["retry-after"] == "5"
            assert "database cannot be reached" in response.json()["detail"]
        assert (await client.get("/healthz")).status_code == 200
        readiness = await client.get("/readyz")
        assert readiness.status_code == 503
        assert readiness.json()["checks"]["database"] == "missing"
        with EmbeddedPostgres(folder):
            # the first request after the outage finds a dead connection in the pool, and answers all the same
            assert [r["handle"] for r in await _results(client)] == ["a.example"]


async def _results(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    response = await client.get("/search/", params={"q": "ann arbor"})
    assert response.status_code == 200
    results: list[dict[str, Any]] = response.json()["results"]
    return results
