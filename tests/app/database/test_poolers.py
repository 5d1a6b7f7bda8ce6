"""Behind a real PgBouncer, whose connections many clients share: all works, and nothing is left to the others."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Literal

import httpx2
import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import text

from app.auth import Scope, create_token
from app.database import Database, EmbeddedPostgres, adopt, load_rules
from app.database.poolers import is_pooled, prepares_in_vain
from app.errors import UserError
from app.http.readiness import inspect_readiness
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

LISTENING = "select count(*) from pg_stat_activity where datname = current_database() and query like 'LISTEN%%'"

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
        providers: The services of these settings.
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


def command(pooled: Pooled, *arguments: str, **environment: str) -> CompletedProcess[str]:
    """Run a command on the database behind the pooler."""
    settings = {"DATABASE_URL": pooled.url, "DATA_DIR": str(pooled.settings.data_dir), "COLUMNS": "250"}
    return run_command(*arguments, environment=os.environ | settings | environment)


def worked(finished: CompletedProcess[str]) -> str:
    assert finished.returncode == 0, finished.stderr
    return finished.stdout + finished.stderr


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


def named(pairs: list[tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("pooled", pairs, indirect=True, ids="-".join)


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


BOTH = named([("own", "transaction"), ("own", "session")])
IN_TRANSACTIONS = named([("own", "transaction")])


@BOTH
def test_a_restart_of_the_pooler_is_survived(pooled: Pooled, owner: Connection) -> None:
    """Reads go on, and a worker goes on with what comes afterwards."""

    async def steps(client: httpx2.AsyncClient) -> None:
        tracks = [await upload(client, name) for name in UPLOADS[:2]]
        working = asyncio.create_task(pooled.work(wait=True))
        while pooled.jobs(owner)["succeeded"] < 1:
            await asyncio.sleep(0)
            assert not working.done()
        await asyncio.to_thread(pooled.pooler.restart)
        paths = ["/search/?q=pooled&type=tracks"] * 20
        await get_all(client, paths)
        # each connection that has gone with the pooler was tried
        refused = [answer.text for answer in await get_all(client, paths) if answer.status_code != 200]
        assert refused == []
        # an upload writes, so it is not tried twice: the first one may meet connections that are gone
        tracks.append(await upload_again(client, UPLOADS[2]))
        while set(pooled.jobs(owner)) != {"succeeded"}:
            await asyncio.sleep(0)
            assert not working.done()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        for track in tracks:
            assert (await client.get(f"/tracks/{track}")).json()["processing"]["state"] == "done"

    pooled.over_http(steps)
    assert set(pooled.jobs(owner)) == {"succeeded"}


async def upload_again(client: httpx2.AsyncClient, name: str) -> int:
    try:
        return await upload(client, name)
    except AssertionError:
        return await upload(client, name)


@named(EVERYWHERE)
@pytest.mark.parametrize("threshold", ["0", "none"])
def test_the_parameter_that_users_of_poolers_know(pooled: Pooled, threshold: str) -> None:
    """In each kind of connection, and for psql, whose libpq does not know it."""
    pooled.url = f"{pooled.url}?prepare_threshold={threshold}&application_name=behind"
    assert is_pooled(pooled.url)
    asyncio.run(pooled.work())
    assert "behind" in worked(command(pooled, "db", "psql", "-c", "show application_name"))
    assert "prepare_threshold" not in worked(command(pooled, "db", "url"))

    async def steps() -> None:
        async with Database.open(pooled.url, pool_size=1) as opened:
            assert (await opened.read_server()).pooled
            for _ in range(20):
                assert (await opened.one("models_in_use")).serving

    asyncio.run(steps())
    assert pooled.pooler.states(pooled.direct) == UNTOUCHED


@pytest.mark.parametrize(
    ("chosen", "prepared"), [("", True), ("&prepare_threshold=5", True), ("&prepare_threshold=0", False)]
)
def test_statements_are_prepared_where_no_pooler_is_found(database: str, chosen: str, prepared: bool) -> None:
    count = text("select count(*) from pg_prepared_statements where not from_sql")

    async def steps() -> int:
        async with Database.open(f"{database}{chosen}", pool_size=1) as opened:
            for _ in range(8):
                await opened.all("models_in_use")
            found: int = await opened.scalar(count)
            return found

    assert (asyncio.run(steps()) > 0) is prepared
    assert not prepares_in_vain(f"{database}{chosen}")


@BOTH
def test_readiness_tells_of_a_pooler_that_loses_prepared_statements(
    pooled: Pooled, request: pytest.FixtureRequest
) -> None:
    loses = "transaction" in request.node.name

    async def steps(client: httpx2.AsyncClient) -> httpx2.Response:
        return await client.get("/readyz")

    assert pooled.over_http(steps).status_code == 200
    pooled.settings = pooled.settings.model_copy(update={"database_url": f"{pooled.url}?prepare_threshold=5"})
    answer = pooled.over_http(steps)
    assert (answer.status_code, "take prepare_threshold out" in answer.text) == ((503, True) if loses else (200, False))


def test_readiness_tells_of_a_pooler_that_refuses_transactions(database: str, providers: Providers) -> None:
    with pgbouncer(database, "statement") as pooler:
        report = inspect_readiness(pooler.url(database), providers)
    assert not report.ready
    assert report.checks["database"] == "missing"


@BOTH
def test_what_needs_a_session_refuses_by_name_and_has_a_way_past(pooled: Pooled) -> None:
    for arguments in (["db", "migrate"], ["db", "adopt"], ["db", "release"], ["db", "roles", "--dry-run"]):
        refused = command(pooled, *arguments)
        assert (refused.returncode, "set DATABASE_DIRECT_URL" in refused.stderr) == (2, True), refused.stderr
        assert "psycopg" not in refused.stderr
    direct = {"DATABASE_DIRECT_URL": pooled.direct}
    worked(command(pooled, "db", "migrate", **direct))
    assert "vibe_app" in worked(command(pooled, "db", "roles", "--dry-run", **direct))


@IN_TRANSACTIONS
def test_a_url_past_the_pooler_that_leads_elsewhere(pooled: Pooled, server: EmbeddedPostgres) -> None:
    with new_database(server) as elsewhere:
        refused = command(pooled, "db", "migrate", DATABASE_DIRECT_URL=elsewhere)
        assert (refused.returncode, "leads to another database than DATABASE_URL" in refused.stderr) == (2, True)
        with psycopg.connect(elsewhere) as untouched:
            assert untouched.execute("select to_regnamespace('search')").fetchone() == (None,)
        pooled.settings = pooled.settings.model_copy(update={"database_direct_url": elsewhere})
        with pytest.raises(UserError, match="leads to another database than DATABASE_URL"):
            asyncio.run(pooled.work())
    alone = command(pooled, "db", "migrate", DATABASE_URL="", DATABASE_DIRECT_URL=pooled.direct)
    assert (alone.returncode, "DATABASE_DIRECT_URL is set and DATABASE_URL is not" in alone.stderr) == (2, True)


@IN_TRANSACTIONS
def test_messages_name_the_setting_that_leads_past_the_pooler(pooled: Pooled, owner: Connection) -> None:
    place = pooled.direct.partition("@")[2]
    for direct in (
        "mysql://x",
        "postgresql://x@127.0.0.1:1/x",
        f"postgresql://missing@{place}",
        "postgresql://x:1#2@h/x",
    ):
        refused = command(pooled, "db", "migrate", DATABASE_DIRECT_URL=direct)
        assert refused.returncode in {1, 2}
        assert "DATABASE_DIRECT_URL" in refused.stderr, refused.stderr
        assert "DATABASE_URL" not in refused.stderr, refused.stderr
    owner.execute("create role plain login")
    try:
        refused = command(pooled, "db", "migrate", DATABASE_DIRECT_URL=f"postgresql://plain@{place}")
        assert refused.returncode == 2
        assert "the role of DATABASE_DIRECT_URL may not" in refused.stderr, refused.stderr
        assert "give DATABASE_DIRECT_URL that role for this command alone" in refused.stderr, refused.stderr
    finally:
        owner.execute("drop role plain")


@IN_TRANSACTIONS
def test_work_in_the_process_of_a_backfill(pooled: Pooled, owner: Connection) -> None:
    async def steps(client: httpx2.AsyncClient) -> list[int]:
        return [await upload(client, name) for name in UPLOADS]

    tracks = pooled.over_http(steps)
    owner.execute("delete from public.procrastinate_jobs")
    script = Path(__file__).resolve().parents[3] / "scripts" / "backfill_embeddings.py"
    environment = os.environ | {"DATABASE_URL": pooled.url, "DATA_DIR": str(pooled.settings.data_dir)}

    def backfill(**more: str) -> CompletedProcess[str]:
        run: list[str | Path] = [sys.executable, script, "--concurrency", "2"]
        return subprocess.run(run, env=environment | more, capture_output=True, text=True, check=False)

    refused = backfill()
    assert (refused.returncode, "set DATABASE_DIRECT_URL" in refused.stderr) == (2, True), refused.stderr
    done = backfill(DATABASE_DIRECT_URL=pooled.direct)
    assert done.returncode == 0, done.stderr
    found = owner.execute("select track_id from search.embeddings order by 1").fetchall()
    assert [track for (track,) in found] == sorted(tracks)
    assert pooled.pooler.states(pooled.direct) == UNTOUCHED


@IN_TRANSACTIONS
def test_a_model_switch_runs_to_its_end(pooled: Pooled, owner: Connection, clap_models: Path) -> None:
    async def steps(client: httpx2.AsyncClient) -> None:
        await asyncio.gather(*(upload(client, name) for name in UPLOADS))
        await pooled.work()

    pooled.over_http(steps)
    models = {"MODELS_DIR": str(clap_models)}
    worked(command(pooled, "models", "use", FIRST, "--no-wait", **models))
    assert f"{FIRST}@" in worked(command(pooled, "models", "use", FIRST, "--work", **models))
    row = owner.execute(
        "select m.name, count(e.track_id) from search.models m join search.embeddings e on e.model_id = m.id "
        "where m.serving group by m.id"
    ).fetchone()
    assert row == (FIRST, len(UPLOADS))
    assert set(pooled.jobs(owner)) == {"succeeded"}
    assert pooled.pooler.states(pooled.direct) == UNTOUCHED


@BOTH
def test_the_mirror_is_brought_up_to_date_by_one_at_a_time(pooled: Pooled, owner: Connection) -> None:
    owner.execute("set search_path = search, public")
    with mirroring(pooled.url, Catalogue(owner)) as mirrored:
        mirrored.add("One", "Two", "Three")
        mirrored.execute("update search.mirror_state set wanted = true")
        with psycopg.connect(pooled.direct) as holder:
            holder.execute("select pg_advisory_xact_lock(hashtextextended('search.mirror_sync', 0))")
            assert not mirrored.sync()
        while not mirrored.live:
            assert mirrored.sync()
        assert sorted(mirrored.titles.values()) == ["One", "Three", "Two"]
        assert mirrored.compare().differences == []
    assert pooled.pooler.states(pooled.direct) == UNTOUCHED


@pytest.mark.parametrize("direct", [False, True])
@IN_TRANSACTIONS
def test_a_worker_hears_of_jobs_past_the_pooler_or_polls(
    pooled: Pooled, owner: Connection, caplog: pytest.LogCaptureFixture, direct: bool
) -> None:
    if direct:
        pooled.settings = pooled.settings.model_copy(update={"database_direct_url": pooled.direct})

    async def steps() -> None:
        working = asyncio.create_task(pooled.work(wait=True))
        workers = "select count(*) from public.procrastinate_workers"
        while owner.execute(workers).fetchone() != (3,) or (direct and owner.execute(LISTENING).fetchone() != (3,)):
            await asyncio.sleep(0)
            assert not working.done()
        assert owner.execute(LISTENING).fetchone() == (3 if direct else 0,)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asyncio.run(steps())
    said = [record.message for record in caplog.records if "set DATABASE_DIRECT_URL" in record.message]
    assert len(said) == (0 if direct else 1)
    assert pooled.pooler.states(pooled.direct) == UNTOUCHED


@IN_TRANSACTIONS
def test_a_worker_whose_way_past_the_pooler_comes_and_goes(
    pooled: Pooled, owner: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so in one line, works meanwhile, and listens once it can."""
    with pgbouncer(pooled.direct, "session") as way:
        way.stop()
        pooled.settings = pooled.settings.model_copy(update={"database_direct_url": way.url(pooled.direct)})

        def said(words: str) -> int:
            return sum(words in record.getMessage() for record in caplog.records)

        async def steps(client: httpx2.AsyncClient) -> None:
            working = asyncio.create_task(pooled.work(wait=True))

            async def wait(condition: Callable[[], bool]) -> None:
                while not condition():
                    await asyncio.sleep(0.01)
                    assert not working.done()

            await wait(lambda: said("do not hear of new jobs by DATABASE_DIRECT_URL") == 1)
            await upload(client, UPLOADS[0])
            await wait(lambda: set(pooled.jobs(owner)) == {"succeeded"})
            await asyncio.to_thread(way.start)
            await wait(lambda: owner.execute(LISTENING).fetchone() == (3,))
            await asyncio.to_thread(way.stop)
            await wait(lambda: said("do not hear of new jobs by DATABASE_DIRECT_URL") == 2)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

        pooled.over_http(steps)
    assert said("answers again") == 1
    assert said("nothing listens at 127.0.0.1") == 2
    assert said("listener error") == said("the worker has stopped") == 0
    assert not [record for record in caplog.records if record.exc_info and "procrastinate" in record.name]


def test_a_server_without_a_pooler_is_known(database: str) -> None:
    assert not is_pooled(database)
