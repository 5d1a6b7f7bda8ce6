"""A worker that is told to stop."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from app.sample import recordings_dir
from app.settings import Settings
from services.audio_store import LocalAudioStore
from tests.catalogue import Catalogue

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
            "select status::text, count(*) from procrastinate_jobs where queue_name <> 'upkeep' group by 1"
        ).fetchall()
    )
    assert states.get("doing", 0) == states.get("failed", 0) == 0
    assert states["succeeded"] >= 1
    assert connection.execute("select max(attempts) from procrastinate_jobs where status = 'todo'").fetchone() == (0,)
