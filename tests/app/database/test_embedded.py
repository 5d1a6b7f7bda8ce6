"""The embedded server."""

import json
import os
import pwd
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.database import EmbeddedPostgres, connect
from tests.support.databases import folder_of_a_server

JOIN = """
import sys
from pathlib import Path
from app.database import EmbeddedPostgres, connect
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def folder_above() -> Iterator[Path]:
    with folder_of_a_server() as folder:
        yield folder


def answers(url: str) -> bool:
    with connect(url) as connection:
        return connection.execute("select 1").fetchone() == (1,)


def join(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", JOIN, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_whoever_leaves_last_stops_it(folder_above: Path) -> None:
    folder = folder_above / "postgres"
    with EmbeddedPostgres(folder) as server:
        other = join(folder)
        other.communicate("\n", timeout=20)
        assert answers(server.url)
    assert not (folder / "postmaster.pid").exists()


def test_a_killed_process_does_not_keep_it_running(folder_above: Path) -> None:
    folder = folder_above / "postgres"
    killed = join(folder)
    killed.kill()
    killed.communicate(timeout=20)
    assert json.loads((folder / ".handle_pids.json").read_text()) == [killed.pid]
    with EmbeddedPostgres(folder) as server:
        assert answers(server.url)
    assert not (folder / "postmaster.pid").exists()


def test_the_server_has_no_more_rights_than_it_needs(folder_above: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("PGPORT", "1")
    folder = folder_above / "postgres"
    with EmbeddedPostgres(folder) as server:
        assert answers(server.url)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        process = psutil.Process(int((folder / "postmaster.pid").read_text().splitlines()[0]))
        assert "canary" not in process.environ().values()
        if os.geteuid() == 0:
            user = pwd.getpwnam("embedded_postgres")
            assert (set(process.uids()), set(process.gids())) == ({user.pw_uid}, {user.pw_gid})
            status = Path(f"/proc/{process.pid}/status").read_text()
            assert re.search(r"^Groups:\s*$", status, re.MULTILINE), status


def test_a_folder_with_a_long_name(folder_above: Path) -> None:
    """A socket's path may have about a hundred bytes."""
    with EmbeddedPostgres(folder_above / ("long" * 30) / "it's here") as server:
        assert answers(server.url)


def test_a_process_with_the_number_of_a_dead_server_is_no_server(folder_above: Path) -> None:
    folder = folder_above / "postgres"
    with EmbeddedPostgres(folder):
        note = (folder / "postmaster.pid").read_text()
    _, *rest = note.splitlines(keepends=True)
    (folder / "postmaster.pid").write_text(f"{os.getpid()}\n{''.join(rest)}")
    (folder / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n{''.join(rest)}")
    with EmbeddedPostgres(folder) as server:
        assert answers(server.url)


def test_letters_of_every_script_have_trigrams(server: EmbeddedPostgres, database: str) -> None:
    assert server.url
    with connect(database) as connection:
        row = connection.execute("select cardinality(show_trgm('музыка')), lower('ÄÖ')").fetchone()
    assert row == (7, "äö")


def test_the_locale_of_the_environment_is_left_alone(folder_above: Path) -> None:
    before = dict(os.environ)
    with EmbeddedPostgres(folder_above / "postgres"):
        assert dict(os.environ) == before
