"""The embedded server."""

import json
import os
import subprocess
import sys
from pathlib import Path

from app.database import EmbeddedPostgres, connect

JOIN = """
import sys
from pathlib import Path
from app.database import EmbeddedPostgres, connect
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.readline()
"""


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


def test_whoever_leaves_last_stops_it(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    with EmbeddedPostgres(folder) as server:
        other = join(folder)
        other.communicate("\n", timeout=20)
        assert answers(server.url)
    assert not (folder / "postmaster.pid").exists()


def test_a_killed_process_does_not_keep_it_running(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    killed = join(folder)
    killed.kill()
    killed.communicate(timeout=20)
    assert json.loads((folder / ".handle_pids.json").read_text()) == [killed.pid]
    with EmbeddedPostgres(folder) as server:
        assert answers(server.url)
    assert not (folder / "postmaster.pid").exists()


def test_letters_of_every_script_have_trigrams(server: EmbeddedPostgres, database: str) -> None:
    assert server.url
    with connect(database) as connection:
        row = connection.execute("select cardinality(show_trgm('музыка')), lower('ÄÖ')").fetchone()
    assert row == (7, "äö")


def test_the_locale_of_the_environment_is_left_alone(tmp_path: Path) -> None:
    before = dict(os.environ)
    with EmbeddedPostgres(tmp_path / "postgres"):
        assert dict(os.environ) == before
