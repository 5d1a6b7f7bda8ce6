"""A worker that is told to stop."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.measure.sample import recordings_dir
from app.providers import Providers
from app.settings import Settings
from services.audio_store import LocalAudioStore
from tests.support.catalogue import Catalogue
from workers.app import run_worker

COMMAND = str(Path(sys.executable).parent / "vibe-search")


def test_sigterm_finishes_what_is_under_way(
    catalogue: Catalogue, connection: psycopg.Connection[Any], settings: Settings
) -> None:
    store = LocalAudioStore(settings.audio_dir)
    for path in sorted(recordings_dir().glob("calm/*.opus")):
        with path.open("rb") as audio:
            catalogue.track(path.stem, file_id=store.put(audio, "opus").file_id, file_type="opus")
    environment = os.environ | {"DATABASE_URL": str(settings.database_url), "DATA_DIR": str(settings.data_dir)}
    worker = subprocess.Popen(
        [COMMAND, "worker", "--concurrency", "2"], env=environment, stderr=subprocess.PIPE, text=True
    )
    # the queue itself says when a job has begun
    connection.execute("listen procrastinate_any_queue_v1")
    while connection.execute("select count(*) from procrastinate_jobs where status = 'doing'").fetchone() == (0,):
        assert worker.poll() is None
        list(connection.notifies(timeout=0.05))
    worker.send_signal(signal.SIGTERM)
    _, errors = worker.communicate(timeout=60)
    assert worker.returncode == 0, errors
    states = dict(
        connection.execute(
            "select status::text, count(*) from procrastinate_jobs where queue_name not like '%upkeep' group by 1"
        ).fetchall()
    )
    assert states.get("doing", 0) == states.get("failed", 0) == 0
    assert states["succeeded"] >= 1
    assert connection.execute("select max(attempts) from procrastinate_jobs where status = 'todo'").fetchone() == (0,)


@pytest.mark.parametrize("seconds", [0, 0.001, 0.003, 0.01])
def test_a_worker_that_is_cancelled_while_it_connects_leaves_nothing_behind(
    database: str, settings: Settings, providers: Providers, seconds: float
) -> None:
    """Whatever it left would keep the process from ending."""

    async def cancel() -> set[str]:
        before = asyncio.all_tasks()
        working = asyncio.create_task(run_worker(database, settings, providers))
        await asyncio.sleep(seconds)
        working.cancel()
        await asyncio.wait({working}, timeout=30)
        assert working.done()
        left = asyncio.all_tasks() - before
        for task in left:
            task.cancel()
        return {task.get_name() for task in left}

    assert asyncio.run(cancel()) == set()
