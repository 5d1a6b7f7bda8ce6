"""Commands on the embedded Postgres, whose first process is killed under them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from app.database.embedded_handles import living_handles
from services.audio_store.local import LocalAudioStore
from tests.support.command import run_command
from tests.support.databases import folder_of_a_server
from tests.support.recordings import excerpt

COMMAND = [str(Path(sys.executable).parent / "vibe-search")]
ENVIRONMENT = {
    key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "DATA_DIR", "HTTP_PORT"}
} | {"SEMANTIC_DEADLINE_SECONDS": "30", "LOG_FORMAT": "json"}

SECONDS = 120
"""Far more than anything here takes on a busy machine."""

REVIVED = "is started again"


def until(condition: Callable[[], Any]) -> Any:
    """What a condition returns once that is true."""
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.05)
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a migrated embedded database."""
    with folder_of_a_server() as folder:
        assert run_command("db", "migrate", environment=ENVIRONMENT, folder=folder).returncode == 0
        yield folder


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Path]:
    """A command that goes on until it is told to stop; yields the file of what it logs."""
    log = folder / f"{arguments[0]}.log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen([*COMMAND, *arguments], cwd=folder, env=ENVIRONMENT, stderr=errors)
        try:
            until(lambda: process.pid in handles(folder))
            yield log
            assert process.poll() is None, log.read_text()
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()


def handles(folder: Path) -> list[int]:
    """Processes that use the server."""
    return [handle.pid for handle in living_handles(folder / ".data" / "postgres")]


def fetch(address: str) -> Any:
    """What is answered; None where nothing good is."""
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as response:  # noqa: S310 - this test's own server
            return json.loads(response.read())
    except (urllib.error.URLError, ConnectionError):
        return None


def postmaster(folder: Path) -> int | None:
    try:
        return int((folder / ".data" / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError):
        return None


def kill_postmaster(folder: Path) -> None:
    """And wait until another runs in its place."""
    killed = postmaster(folder)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    until(lambda: postmaster(folder) not in {None, killed})


def connect(folder: Path) -> psycopg.Connection[Any]:
    """As the owner, once the server takes connections."""
    printed = run_command("db", "url", environment=ENVIRONMENT, folder=folder)
    assert printed.returncode == 0, printed.stderr
    return psycopg.connect(printed.stdout.strip(), autocommit=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def processes_in(folder: Path) -> list[psutil.Process]:
    """Of a server whose data is there."""
    at = str(folder / ".data" / "postgres")
    found = psutil.process_iter(["name", "cwd"])
    return [process for process in found if process.info["name"] == "postgres" and process.info["cwd"] == at]


def test_serve_answers_again_and_nothing_is_lost(folder: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with running(folder, "serve", "--port", str(port)) as log:
        until(lambda: fetch(f"{address}/readyz"))
        with connect(folder) as connection:
            connection.execute("insert into artists values ('did:plc:a', 'a.example', 'Ann Arbor')")
            roles = "select distinct usename from pg_stat_activity where application_name = 'vibe-search'"
            assert connection.execute(roles).fetchall() == [("vibe_app",)]
            kill_postmaster(folder)
        until(lambda: (fetch(f"{address}/readyz") or {}).get("ready"))
        found = until(lambda: fetch(f"{address}/search/?q=ann+arbor"))
        assert [result["handle"] for result in found["results"]] == ["a.example"]
        assert log.read_text().count(REVIVED) == 1
    assert processes_in(folder) == []


def test_a_worker_goes_on(folder: Path) -> None:
    with excerpt("calm_acoustic_1").open("rb") as audio:
        stored = LocalAudioStore(folder / ".data" / "audio").put(audio, "opus")
    with running(folder, "worker") as log, connect(folder) as connection:
        connection.execute("insert into artists values ('did:plc:a', 'a.example', 'Ann Arbor')")
        kill_postmaster(folder)
        with connect(folder) as again:
            again.execute(
                "insert into tracks (artist_did, title, file_id, file_type) values ('did:plc:a', 'Calm', %s, 'opus')",
                [stored.file_id],
            )
            until(lambda: again.execute("select from search.embeddings").fetchone() is not None)
        assert log.read_text().count(REVIVED) == 1


def test_one_of_several_starts_it(folder: Path) -> None:
    """Also where a backend is too busy to notice that its server has gone: it is ended first."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with running(folder, "serve", "--port", str(port)) as serving, running(folder, "worker") as working:
        until(lambda: fetch(f"{address}/readyz"))
        with closing(connect(folder)) as busy:
            busy.pgconn.send_query(b"select count(*) from generate_series(1, 1000000000000)")
            kill_postmaster(folder)
            with suppress(psutil.NoSuchProcess):
                assert psutil.Process(busy.info.backend_pid).status() == psutil.STATUS_ZOMBIE
        until(lambda: (fetch(f"{address}/readyz") or {}).get("ready"))
        assert (serving.read_text() + working.read_text()).count(REVIVED) == 1
    assert processes_in(folder) == []
