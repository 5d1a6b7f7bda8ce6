"""Periodic tasks while every slot for tracks is taken, or a long one of them runs."""

import asyncio
import dataclasses
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from app.providers import Providers
from app.settings import Settings
from services.audio_store import Recording
from tests.support.catalogue import Catalogue
from workers.app import app, run_worker

Connection = psycopg.Connection[Any]


class BlockedGenres:
    """Classifies when it may."""

    def __init__(self) -> None:
        self.may_end = threading.Event()

    def classify(self, recording: Recording) -> list[Any]:  # noqa: ARG002 - a classifier's
        """Nothing, late."""
        self.may_end.wait()
        return []


@pytest.fixture
def blocked() -> Iterator[BlockedGenres]:
    """It lets go at the end, whatever happens: else its threads keep the process."""
    genres = BlockedGenres()
    yield genres
    genres.may_end.set()


def count(connection: Connection, task: str, status: str) -> int:
    statement = "select count(*) from procrastinate_jobs where task_name = %s and status = %s::procrastinate_job_status"
    (found,) = connection.execute(statement, [task, status]).fetchall()
    return int(found[0])


def defer(connection: Connection, task: str) -> None:
    app.perform_import_paths()  # type: ignore[no-untyped-call]  # procrastinate's own
    queue = app.tasks[task].queue
    connection.execute("select search_internal.defer_job(%s, %s, '{\"timestamp\": 0}', 0)", [queue, task])


async def run(connection: Connection, task: str, working: asyncio.Task[None]) -> None:
    """Enqueue a periodic task, and wait until a job of it has ended."""
    before = count(connection, task, "succeeded")
    defer(connection, task)
    while count(connection, task, "succeeded") == before:
        assert not working.done()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("concurrency", [1, 12])
def test_no_work_on_tracks_delays_upkeep(
    settings: Settings,
    providers: Providers,
    catalogue: Catalogue,
    connection: Connection,
    blocked: BlockedGenres,
    concurrency: int,
) -> None:
    for number in range(concurrency + 1):
        catalogue.track(f"Track {number}", file_id=f"{number:064x}", file_type="mp3")
    connection.execute("delete from procrastinate_jobs where task_name = 'embed_track'")
    narrow = settings.model_copy(update={"worker_concurrency": concurrency})
    slow = dataclasses.replace(providers, genres=blocked)

    async def steps() -> None:
        working = asyncio.create_task(run_worker(str(settings.database_url), narrow, slow))
        try:
            while count(connection, "classify_genres", "doing") < concurrency:
                assert not working.done()
                await asyncio.sleep(0.01)
            # one needs nothing but a slot and the other a thread too
            for task in ("retry_stalled_jobs", "remove_unfinished_audio"):
                await run(connection, task, working)
            assert count(connection, "classify_genres", "doing") == concurrency
        finally:
            blocked.may_end.set()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    asyncio.run(asyncio.wait_for(steps(), 120))


def test_no_long_task_of_upkeep_delays_an_urgent_one(
    settings: Settings, providers: Providers, connection: Connection
) -> None:
    async def steps(drawing: Connection) -> None:
        working = asyncio.create_task(run_worker(str(settings.database_url), settings, providers))
        try:
            defer(connection, "draw_map")
            while count(connection, "draw_map", "doing") == 0:
                assert not working.done()
                await asyncio.sleep(0.01)
            for task in ("retry_stalled_jobs", "fold_track_counts"):
                await run(connection, task, working)
            assert count(connection, "draw_map", "doing") == 1
        finally:
            drawing.rollback()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    with psycopg.connect(str(settings.database_url)) as drawing:
        # the map's own tables: its task waits for them, and nothing else does
        drawing.execute("lock table search.map_state, search.map_points in access exclusive mode")
        asyncio.run(asyncio.wait_for(steps(drawing), 120))


def test_draining_ends_when_no_queue_has_a_job_that_is_due(
    settings: Settings, providers: Providers, catalogue: Catalogue, connection: Connection, blocked: BlockedGenres
) -> None:
    blocked.may_end.set()
    catalogue.track("Track", file_id="0" * 64, file_type="mp3")
    connection.execute("delete from procrastinate_jobs where task_name = 'embed_track'")
    # a worker that died has left the job behind; upkeep gives it back, when the other queue is empty already
    (worker,) = connection.execute(
        "insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 hour') returning id"
    ).fetchall()
    connection.execute(
        "update procrastinate_jobs set status = 'doing', worker_id = %s where task_name = 'classify_genres'", worker
    )
    defer(connection, "retry_stalled_jobs")
    drained = dataclasses.replace(providers, genres=blocked)
    asyncio.run(run_worker(str(settings.database_url), settings, drained, wait=False))
    left = connection.execute("select count(*) from procrastinate_jobs where status in ('todo', 'doing')").fetchone()
    assert left == (0,)
    assert count(connection, "classify_genres", "succeeded") == 1
