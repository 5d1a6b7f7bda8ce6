"""Behind a real PgBouncer, whose connections many clients share: everything works, and nothing is left to the others."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx2
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from app.auth import Scope, create_token
from app.database import Database, EmbeddedPostgres, adopt, load_rules
from app.database.poolers import is_pooled
from app.providers import Providers, build_providers
from app.settings import Settings
from tests.app.conftest import open_client
from tests.app.database.adoption.conftest import ROWS, SCHEMA
from tests.support.catalogue import Catalogue
from tests.support.command import run_command
from tests.support.databases import new_database
from tests.support.installed_clap import FIRST
from tests.support.mirrored import mirroring
from tests.support.pgbouncer import INSTALLED, Mode, PgBouncer, pgbouncer
from tests.support.recordings import excerpt
from workers.app import run_worker

pytestmark = pytest.mark.skipif(not INSTALLED, reason="PgBouncer is not installed: `make pgbouncer`")

Connection = psycopg.Connection[Any]
Kind = Literal["own", "adopted"]
UPLOADS = ("calm_acoustic_1", "happy_acoustic_1", "tender_acoustic_1")
SEARCHES = 200
UNTOUCHED = [('"" 0 0', 0)] * 3
"""What other clients find: no search path, no time limit, and nothing that a session has left."""

EVERYWHERE = [("own", "transaction"), ("own", "session"), ("adopted", "transaction")]


@dataclass
class Pooled:
    """A database behind PgBouncer, whose sessions have no search path.

    Attributes:
        pooler: PgBouncer.
        url: URL of the database behind it.
        direct: URL of the database itself.
        artist: Who publishes in it.
        settings: Of what runs behind it.
    """

    pooler: PgBouncer
    url: str
    direct: str
    artist: str
    settings: Settings
    providers: Providers

    def over_http(self, steps: Callable[[httpx2.AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
        """Run steps with a client of the application, as the artist."""

        async def session() -> Any:
            async with Database.open(self.url, pool_size=1) as opened:
                token = (await create_token(opened, self.artist, [Scope.UPLOAD])).token
            async with open_client(self.settings, self.providers) as client:
                client.headers["authorization"] = f"Bearer {token}"
                return await steps(client)

        return asyncio.run(session())

    async def work(self, *, wait: bool = False) -> None:
        """Run a worker, until no job is due or until cancelled."""
        await run_worker(self.url, self.settings, self.providers, wait=wait)

    def jobs(self, owner: Connection) -> Counter[str]:
        """How many jobs on tracks are in which state."""
        schema = "public" if self.artist == "did:plc:pooled.example" else "search"
        rows = owner.execute(
            SQL("select status::text from {}.procrastinate_jobs where queue_name in ('embed', 'classify')").format(
                Identifier(schema)
            )
        )
        return Counter(status for (status,) in rows)


@contextmanager
def behind_pgbouncer(database: str, artist: str, mode: Mode, folder: Path) -> Iterator[Pooled]:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(SQL("alter database {} set search_path = ''").format(Identifier(str(name))))
    with pgbouncer(database, mode) as pooler:
        url = pooler.url(database)
        settings = Settings(
            _env_file=None,
            database_url=url,
            data_dir=folder,
            semantic_deadline_seconds=30.0,
            search_statement_timeout_seconds=60.0,
            statement_timeout_seconds=60.0,
            write_lock_timeout_seconds=60.0,
            sound_min_confidence=0.0,
        )
        yield Pooled(pooler, url, database, artist, settings, build_providers(settings))


@pytest.fixture
def pooled(
    request: pytest.FixtureRequest, server: EmbeddedPostgres, template: str, providers: Providers, tmp_path: Path
) -> Iterator[Pooled]:
    """A database of our own, or an adopted one, behind PgBouncer in one of its modes."""
    kind, mode = request.param
    if kind == "own":
        with new_database(server, template) as database:
            with psycopg.connect(database, autocommit=True) as owner:
                artist = Catalogue(owner).artist("pooled.example", "Pooled")
            with behind_pgbouncer(database, artist, mode, tmp_path) as opened:
                yield opened
        return
    with new_database(server) as database:
        with psycopg.connect(database, autocommit=True) as owner:
            owner.execute(SCHEMA.encode())
            owner.execute(ROWS.encode())
        adopt(database, providers.embedding.card, rules=load_rules("plyr.fm"))
        with behind_pgbouncer(database, "did:plc:bert", mode, tmp_path) as opened:
            yield opened


@pytest.fixture
def owner(pooled: Pooled) -> Iterator[Connection]:
    """An autocommitting connection past the pooler."""
    with psycopg.connect(pooled.direct, autocommit=True) as connection:
        yield connection


def named(pairs: list[tuple[str, str]]) -> Any:
    return pytest.mark.parametrize("pooled", pairs, indirect=True, ids=lambda pair: "-".join(pair))


async def upload(client: httpx2.AsyncClient, name: str) -> int:
    files = {"audio": ("a.opus", excerpt(name).read_bytes())}
    answer = await client.post("/tracks", data={"title": f"Pooled {name}"}, files=files)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def get_all(client: httpx2.AsyncClient, paths: list[str]) -> list[httpx2.Response]:
    """The answers to many requests: more at once than there are connections, and not more than get one in time."""
    together = asyncio.Semaphore(24)

    async def get(path: str) -> httpx2.Response:
        async with together:
            return await client.get(path)

    return await asyncio.gather(*(get(path) for path in paths))


@named(EVERYWHERE)
def test_uploads_searches_and_workers(pooled: Pooled, owner: Connection) -> None:
    async def steps(client: httpx2.AsyncClient) -> None:
        assert (await client.get("/readyz")).status_code == 200
        tracks = [await upload(client, name) for name in UPLOADS]
        answers = await get_all(client, ["/search/?q=pooled&type=tracks"] * SEARCHES)
        assert Counter(answer.status_code for answer in answers) == {200: SEARCHES}
        for answer in answers:
            assert sorted(result["id"] for result in answer.json()["results"]) == sorted(tracks)
        await pooled.work()
        for track in tracks:
            shown = (await client.get(f"/tracks/{track}")).json()
            assert shown["processing"]["state"] == "done", shown
        paths = [f"/tracks/{track}/similar" for track in tracks] + ["/search/semantic?q=acoustic+guitar"]
        heard = await get_all(client, paths * 20)
        assert Counter(answer.status_code for answer in heard) == {200: len(heard)}
        assert all(answer.json()["available"] and len(answer.json()["results"]) >= 2 for answer in heard)

    pooled.over_http(steps)
    states = pooled.jobs(owner)
    assert states["failed"] == states["todo"] == states["doing"] == 0
    assert states["succeeded"] >= 2 * len(UPLOADS)
    assert pooled.pooler.states(pooled.direct) == UNTOUCHED
