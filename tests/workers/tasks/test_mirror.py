"""The worker keeps the mirror in step, and looks whether it is."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.measure.turbopuffer_server import API_KEY, Fault
from app.providers import Providers
from app.settings import Settings
from services.vector_mirror.turbopuffer import TurbopufferMirror
from tests.support.mirrored import Mirrored
from workers.app import run_worker

COMMAND = str(Path(sys.executable).parent / "vibe-search")


@pytest.fixture
def with_mirror(providers: Providers, mirrored: Mirrored) -> Providers:
    """Services of which one is the mirror."""
    mirror = TurbopufferMirror(API_KEY, region="api", base_url=mirrored.server.url, max_retries=0)
    return replace(providers, mirror=mirror)


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)


async def eventually_in_loop(condition: Callable[[], bool], seconds: float = 20) -> None:
    await asyncio.to_thread(eventually, condition, seconds)


def live(mirrored: Mirrored) -> dict[int, str]:
    """Titles by id, of every namespace."""
    return {
        track: row["title"]
        for name in list(mirrored.server.namespaces)
        for track, row in mirrored.server.live(name).items()
    }


def test_a_worker_that_drains_its_queue_brings_the_mirror_up_to_date(
    mirrored: Mirrored, settings: Settings, with_mirror: Providers
) -> None:
    mirrored.add("one")
    mirrored.catalogue.connection.execute("delete from procrastinate_jobs")
    asyncio.run(run_worker(str(settings.database_url), settings, with_mirror, wait=False))
    assert live(mirrored) == {1: "one"}
    mirrored.execute("update tracks set title = 'new'")
    asyncio.run(run_worker(str(settings.database_url), settings, with_mirror, wait=False))
    assert live(mirrored) == {1: "new"}


def test_a_worker_follows_and_outlives_failures(mirrored: Mirrored, settings: Settings, with_mirror: Providers) -> None:
    mirrored.add("one")
    mirrored.catalogue.connection.execute("delete from procrastinate_jobs")

    async def steps() -> None:
        working = asyncio.create_task(run_worker(str(settings.database_url), settings, with_mirror))
        await eventually_in_loop(lambda: live(mirrored) == {1: "one"})
        mirrored.server.faults = [Fault("status", status=500, only="write")] * 2
        mirrored.execute("update tracks set title = 'new'")
        await eventually_in_loop(lambda: live(mirrored) == {1: "new"})
        mirrored.execute("update tracks set visibility = 'private'")
        await eventually_in_loop(lambda: live(mirrored) == {})
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working

    asyncio.run(steps())
    assert mirrored.server.faults == []


def test_workers_that_are_killed_in_the_middle_of_a_write_lose_nothing(
    mirrored: Mirrored, database: str, tmp_path: Path
) -> None:
    """Three processes, each killed with SIGKILL while its write is under way; the writes arrive late."""
    mirrored.add(*(f"track {number}" for number in range(30)))
    mirrored.catalogue.connection.execute("delete from procrastinate_jobs")
    mirrored.sync()
    environment = os.environ | {
        "DATABASE_URL": database,
        "DATA_DIR": str(tmp_path),
        "TURBOPUFFER_ENABLED": "true",
        "TURBOPUFFER_API_KEY": API_KEY,
        "TURBOPUFFER_BASE_URL": mirrored.server.url,
    }
    for attempt in range(3):
        mirrored.execute(f"update tracks set title = 'title {attempt}'")
        mirrored.server.held.clear()
        mirrored.server.release.clear()
        mirrored.server.faults = [Fault("hold", only="write")]
        with subprocess.Popen([COMMAND, "worker"], env=environment, cwd=tmp_path) as worker:
            assert mirrored.server.held.wait(30)
            mirrored.execute("update tracks set visibility = 'private' where id = %s", attempt + 1)
            os.kill(worker.pid, signal.SIGKILL)
        mirrored.server.release.set()
    eventually(mirrored.sync)
    assert mirrored.titles == dict.fromkeys(range(4, 31), "title 2")
    assert mirrored.compare().differences == []
