"""The embedded server."""

import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.database import EmbeddedPostgres, connect, find_program
from tests.support.databases import folder_of_a_server

JOIN = """
import sys
from pathlib import Path
from app.database import EmbeddedPostgres, connect
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.readline()
"""

LOSE = """
import os, signal, sys
from pathlib import Path
import psutil
from app.database import EmbeddedPostgres, connect
folder = Path(sys.argv[1])
with EmbeddedPostgres(folder) as server, EmbeddedPostgres(folder):
    busy = connect(server.url)
    busy.pgconn.send_query(b"select count(*) from generate_series(1, 1000000000000)")
    killed = psutil.Process(int((folder / "postmaster.pid").read_text().splitlines()[0]))
    killed.send_signal(signal.SIGKILL)
    psutil.wait_procs([killed])
    server.revive()
    with connect(server.url) as connection:
        print(connection.execute("select 1").fetchone())
    orphan = busy.info.backend_pid
    print(psutil.pid_exists(orphan) and psutil.Process(orphan).status() != psutil.STATUS_ZOMBIE)
"""

WITHOUT_PTRACE = ["setpriv", "--bounding-set", "-sys_ptrace"]
"""As root in a container with the capabilities that Docker gives: the kernel hides where others' processes work."""

needs_setpriv = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="only root can give up a capability, with setpriv (util-linux)",
)


@pytest.fixture
def folder_above() -> Iterator[Path]:
    with folder_of_a_server() as folder:
        yield folder


def answers(url: str) -> bool:
    with connect(url) as connection:
        return connection.execute("select 1").fetchone() == (1,)


def join(folder: Path, *wrapper: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*wrapper, sys.executable, "-c", JOIN, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def processes_in(folder: Path) -> list[psutil.Process]:
    """Of a server whose data is there."""
    found = psutil.process_iter(["name", "cwd"])
    return [process for process in found if process.info["name"] == "postgres" and process.info["cwd"] == str(folder)]


def test_the_last_process_that_leaves_stops_it(folder_above: Path) -> None:
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
    assert [pid for pid, _ in json.loads((folder / ".handle_pids.json").read_text())] == [killed.pid]
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


@needs_setpriv
def test_root_needs_no_ptrace(folder_above: Path) -> None:
    """It starts, is joined, is started again after its orphans have been ended, and stops."""
    folder = folder_above / "postgres"
    command = [*WITHOUT_PTRACE, sys.executable, "-c", LOSE, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split("\n")) == (0, ["(1,)", "False", ""]), done.stderr
    assert not (folder / "postmaster.pid").exists()
    assert processes_in(folder) == []


@needs_setpriv
def test_a_server_that_the_kernel_hides_keeps_its_lock_file(folder_above: Path) -> None:
    """It runs with another group, and does not name its folder: only the lock file tells whose it is."""
    folder = folder_above / "postgres"
    with EmbeddedPostgres(folder):
        pass
    options = ["-D", ".", "-h", "", "-k", str(folder)]
    hidden = subprocess.Popen(
        [find_program("postgres"), *options],
        cwd=folder, user="embedded_postgres", group=65534, extra_groups=[], stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert hidden.stderr is not None
        next(line for line in hidden.stderr if "ready to accept connections" in line)
        joined = join(folder, *WITHOUT_PTRACE)
        assert (folder / "postmaster.pid").read_text().startswith(f"{hidden.pid}\n")
        joined.communicate("\n", timeout=60)
        assert joined.returncode == 0
        assert hidden.wait(60) == 0
    finally:
        hidden.kill()
        hidden.communicate()


def test_letters_of_every_script_have_trigrams(server: EmbeddedPostgres, database: str) -> None:
    assert server.url
    with connect(database) as connection:
        row = connection.execute("select cardinality(show_trgm('музыка')), lower('ÄÖ')").fetchone()
    assert row == (7, "äö")


def test_the_locale_of_the_environment_is_left_alone(folder_above: Path) -> None:
    before = dict(os.environ)
    with EmbeddedPostgres(folder_above / "postgres"):
        assert dict(os.environ) == before
