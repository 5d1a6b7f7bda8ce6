"""A worker whose database goes away under it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.database import EmbeddedPostgres, connect, migrate
from app.providers import Providers
from app.settings import Settings
from tests.support.catalogue import Catalogue
from tests.support.databases import running_server
from tests.support.recordings import excerpt
from workers.app import run_worker

Connection = psycopg.Connection[Any]


@pytest.fixture
def own_server() -> Iterator[EmbeddedPostgres]:
    """A server that no other test uses."""
    # it is killed, and loses nothing: with the settings of a user's server
    with running_server({}) as running:
        yield running


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        await asyncio.sleep(0.1)


def jobs(url: str) -> dict[str, int]:
    with connect(url) as connection:
        rows: Any = connection.execute(
            "select status::text, count(*) from procrastinate_jobs where queue_name not like '%upkeep' group by 1"
        ).fetchall()
    return dict(rows)


def test_a_crash_of_the_database_costs_no_job(
    own_server: EmbeddedPostgres, providers: Providers, tmp_path: Path
) -> None:
    url = own_server.url
    migrate(url, providers.embedding.card)
    settings = Settings(_env_file=None, database_url=url, data_dir=tmp_path, worker_concurrency=2)
    files = []
    for name in ("calm_acoustic_1", "happy_acoustic_1", "tender_acoustic_1"):
        with excerpt(name).open("rb") as file:
            files.append(providers.audio_store.put(file, "opus").file_id)
    with connect(url) as connection:
        connection.autocommit = True
        catalogue = Catalogue(connection)
        for file_id in files:
            catalogue.track(file_id, file_id=file_id, file_type="opus")

    async def steps() -> None:
        working = asyncio.create_task(run_worker(url, settings, providers))
        await until(lambda: jobs(url).get("doing", 0) > 0)
        await asyncio.to_thread(own_server.crash)
        await asyncio.sleep(1)  # long enough for every connection to be found broken
        await asyncio.to_thread(own_server.revive)
        with connect(url) as connection:
            # what was begun when the database died is nobody's by now: no need to wait for a heartbeat to grow old
            connection.execute("update procrastinate_workers set last_heartbeat = now() - interval '1 hour'")
            connection.execute(
                "select search_internal.defer_job('upkeep', 'retry_stalled_jobs', '{\"timestamp\": 0}', 10)"
            )
            connection.commit()
        await until(lambda: jobs(url).keys() == {"succeeded"}, seconds=100)
        assert not working.done()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asyncio.run(steps())
    with connect(url) as connection:
        assert connection.execute("select count(*) from search.embeddings").fetchone() == (3,)
        assert connection.execute(
            "select count(*) from tracks where extra ->> 'genre_predictions_file_id' = file_id"
        ).fetchone() == (3,)
