"""Progress bars on terminals: of a worker that drains the queue, and of a database that is migrated."""

import io
import os
from pathlib import Path

import pytest

from app.database import connect
from app.providers import build_providers
from app.settings import Settings
from tests.support.catalogue import Catalogue
from tests.support.command import run_command
from tests.support.recordings import excerpt
from tests.support.terminal import TerminalRun

SUMMARY = "2 jobs done, 2 failed: vibe-search queue shows why\n"


@pytest.fixture
def heard(catalogue: Catalogue, tmp_path: Path) -> int:
    """A track that can be heard, beside one that cannot."""
    store = build_providers(Settings(_env_file=None, data_dir=tmp_path)).audio_store
    with excerpt("calm_acoustic_1").open("rb") as audio:
        good = store.put(audio, "opus").file_id
    broken = store.put(io.BytesIO(b"no recording at all"), "opus").file_id
    artist = catalogue.artist()
    catalogue.track("Broken", artist=artist, file_id=broken, file_type="opus")
    return catalogue.track("Heard", artist=artist, file_id=good, file_type="opus")


@pytest.fixture
def environment(database: str, tmp_path: Path) -> dict[str, str]:
    return os.environ | {"DATABASE_URL": database, "DATA_DIR": str(tmp_path)}


def test_a_drain_shows_how_far_it_is(environment: dict[str, str], database: str, heard: int) -> None:
    with connect(database) as holding, TerminalRun.of("worker", "--drain", environment=environment) as run:
        # results of the track cannot be stored meanwhile
        holding.execute("select from tracks where id = %s for update", [heard])
        run.read_until("0 done, 2 left, 2 failed")
        holding.rollback()
        assert run.finish() == (0, SUMMARY)
        assert "2 done, 0 left, 2 failed" in run.shown
        # lines of the log stay whole above the bar
        assert "not an audio file that can be decoded" in " ".join(run.shown.split())


@pytest.mark.usefixtures("heard")
def test_a_drain_without_a_terminal_says_how_it_ended(environment: dict[str, str]) -> None:
    done = run_command("worker", "--drain", environment=environment)
    assert (done.returncode, done.stdout) == (0, SUMMARY)
    assert "left" not in done.stderr
    assert "\x1b" not in done.stderr
    again = run_command("worker", "--drain", environment=environment)
    assert (again.returncode, again.stdout) == (0, "0 jobs done, 0 failed\n")


def test_audio_that_is_not_there_yet_is_no_failure(environment: dict[str, str], catalogue: Catalogue) -> None:
    catalogue.track("Later")
    done = run_command("worker", "--drain", environment=environment)
    assert (done.returncode, done.stdout) == (0, "0 jobs done, 0 failed, 2 found no audio yet\n")


def test_a_migration_shows_its_steps(empty_database: str, environment: dict[str, str]) -> None:
    changed = environment | {"DATABASE_URL": empty_database}
    with TerminalRun.of("db", "migrate", environment=changed) as run:
        status, output = run.finish()
    step = output.splitlines()[0]
    assert (status, step.partition(" -> ")[0]) == (0, "empty")
    assert step in run.shown
    quiet = run_command("db", "migrate", environment=changed)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "The database is up to date.\n", "")
