"""The demo as a user starts it, in a folder of his own."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.app.cli.test_embedded_revival import fetch as answer
from tests.app.cli.test_embedded_revival import kill_postmaster, until
from tests.support.command import run_command
from tests.support.small_disk import small_disk

COMMAND = [str(Path(sys.executable).parent / "vibe-search")]
ENVIRONMENT = {
    key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "DATA_DIR", "HTTP_PORT"}
} | {"COLUMNS": "200", "SEMANTIC_DEADLINE_SECONDS": "30"}


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_command(*arguments, environment=ENVIRONMENT | environment, folder=folder)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the demo has run once, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    finished = run(folder, "demo", "--once")
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return folder, finished.stdout


def table(output: str, title: str) -> list[list[str]]:
    """Rows of the table under a title, as lists of cells."""
    part = output.split(title, 1)[1].split("\n\n", 1)[0]
    return [
        [cell.strip() for cell in line.strip("│ ").split("│")] for line in part.splitlines() if line.startswith("│")
    ]


def test_first_run_imports_embeds_and_finds(first: tuple[Path, str]) -> None:
    _, output = first
    assert "imported 28 tracks" in output
    assert re.search(r"28/28 tracks +\d+\.\d/s", output)
    assert "failed" not in output
    assert table(output, "an exact title")[0] == ["track", "Theodolite", "Ines Valdoro", "exact", "title"]
    assert table(output, "a title with a typo")[0][1:4] == ["Tributaries of the Elde", "Cartwright & Pell", "fuzzy"]
    assert table(output, "an artist's first letters")[0][:4] == ["artist", "Marit Øyen", "", "prefix"]
    heard = table(output, "a description of a sound")
    assert {row[3] for row in heard} == {"sound"}
    assert all(re.fullmatch(r"sound 0\.\d\d \(\d+%\)", row[4]) for row in heard)
    assert len(re.findall(r"in \d+\.\d ms", output)) == 4


def test_second_run_embeds_nothing(first: tuple[Path, str]) -> None:
    folder, _ = first
    finished = run(folder, "demo", "--once")
    assert finished.returncode == 0, finished.stderr
    assert "imported" not in finished.stdout
    assert "tracks" not in finished.stdout
    assert "Theodolite" in finished.stdout


def test_nothing_is_left_running(first: tuple[Path, str]) -> None:
    folder, _ = first
    assert servers_in(folder) == []


def servers_in(folder: Path) -> list[str]:
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [" ".join(command) for command in commands if str(folder) in " ".join(command) and "postgres" in command[0]]


def test_commands_on_the_demo_database(first: tuple[Path, str]) -> None:
    folder, _ = first
    answer = json.loads(run(folder, "search", "fern index", "--json").stdout)
    assert answer["results"][0]["details"]["title"] == "Fern Index"
    assert answer["available"] is True

    statement = "select label from search.unified('warm acoustic guitar')"
    assert run(folder, "db", "psql", "-c", statement).returncode == 0
    psql = run(
        folder, "db", "psql", "-At", "-c", "select count(*), max(l2_norm(embedding)) from search.track_embeddings"
    )
    count, norm = psql.stdout.strip().split("|")
    assert count == "28"
    assert float(norm) == pytest.approx(1, abs=0.01)

    assert run(folder, "db", "migrate").stdout == "The database is up to date.\n"
    assert json.loads(run(folder, "db", "url", "--json").stdout)["url"].startswith("postgresql://")
    assert run(folder, "sample", "import").stdout == "imported 0 tracks\n"
    assert run(folder, "worker", "--drain").returncode == 0

    evaluation = json.loads(run(folder, "evaluate", "--json").stdout)
    sound, described, named = evaluation["evaluations"]
    assert (sound["by"], described["by"], named["by"]) == ("sound", "unified", "unified")
    assert sound["candidates"] == 28
    assert len(sound["queries"]) >= 10
    assert sound["vibe_search"]["average_precision"] > sound["chance"]["average_precision"] + 0.15
    assert described["vibe_search"]["average_precision"] > described["predecessor"]["average_precision"]
    assert (described["difference"]["to"], named["difference"]["to"]) == ("predecessor_mood", "predecessor")
    for group in named["groups"]:
        assert group["vibe_search"]["average_precision"] >= group["predecessor"]["average_precision"], group["group"]
    assert named["vibe_search"]["success_at_1"] > 0.95
    assert named["difference"]["average_precision"]["low"] > 0


def test_a_description_is_answered_by_the_sounds(first: tuple[Path, str]) -> None:
    folder, _ = first
    answer = json.loads(
        run(folder, "search", "electronic synthesizer", "--type", "tracks", "--limit", "10", "--json").stdout
    )
    library = (Path(__file__).parents[3] / "app" / "measure" / "sample" / "library.toml").read_text(encoding="utf-8")
    titles = [hit["details"]["title"] for hit in answer["results"]]
    files = {title: re.search(rf'file = "([^"]+)"\ntitle = "{re.escape(title)}"', library) for title in titles}
    electronic = [found is not None and "electronic" in found[1] for found in files.values()]
    assert len(electronic) == 10
    assert sum(electronic) >= 9


@pytest.fixture
def printed() -> list[str]:
    """What the demo that serves has printed until it serves."""
    return []


@pytest.fixture
def serving(first: tuple[Path, str], printed: list[str]) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """The demo, serving."""
    folder, _ = first
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [*COMMAND, "demo", "--port", str(port)], cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            if address in line:
                break
        yield process, address, folder
    finally:
        process.kill()
        process.communicate(timeout=20)


def fetch(url: str, **headers: str) -> Any:
    request = urllib.request.Request(url, headers={"range": "bytes=0-3"} | headers)  # noqa: S310 - this test's own server
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
        return response.status, response.headers, response.read()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_told_to_stop(
    serving: tuple[subprocess.Popen[str], str, Path], stop: signal.Signals, printed: list[str]
) -> None:
    process, address, folder = serving
    offered = re.findall(r"^token for uploads as Ines Valdoro: (vs_\S+)$", "".join(printed), re.MULTILINE)
    assert len(offered) == 1
    holder = json.loads(fetch(f"{address}/me", authorization=f"Bearer {offered[0]}")[2])
    assert (holder["display_name"], holder["scopes"]) == ("Ines Valdoro", ["read", "upload"])
    # whichever start of the demo this is
    tokens = json.loads(run(folder, "token", "list", "--json").stdout)
    assert [token["id"] for token in tokens] == [offered[0].split("_")[1]]
    found = json.loads(fetch(f"{address}/search/?q=theodolite")[2])["results"][0]
    assert fetch(f"{address}/audio/{found['file_id']}")[::2] == (206, b"OggS")
    assert json.loads(fetch(f"{address}/readyz")[2])["ready"] is True
    status, headers, page = fetch(f"{address}/")
    assert status in {200, 206}
    assert "default-src 'self'" in headers["content-security-policy"]
    assert page
    assert fetch(f"{address}/web/search.js")[1]["content-type"].startswith("text/javascript")
    assert servers_in(folder) != []
    process.send_signal(stop)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert output.endswith("Stopped.\n")
    assert servers_in(folder) == []


def test_it_outlives_its_server(serving: tuple[subprocess.Popen[str], str, Path]) -> None:
    process, address, folder = serving
    kill_postmaster(folder)
    until(lambda: (answer(f"{address}/readyz") or {}).get("ready"))
    found = until(lambda: answer(f"{address}/search/?q=theodolite"))
    assert found["results"][0]["title"] == "Theodolite"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert output.endswith("Stopped.\n")
    assert servers_in(folder) == []


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for arguments in (["demo"], ["serve"]):
            finished = run(tmp_path, *arguments, HTTP_PORT=port)
            assert finished.returncode == 2
            assert finished.stderr.count("\n") == 1
            assert f"127.0.0.1:{port} cannot be listened on: Address already in use" in finished.stderr
    assert not (tmp_path / ".data").exists()


def test_data_of_another_version(tmp_path: Path) -> None:
    folder = tmp_path / ".data" / "postgres"
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("16\n")
    finished = run(tmp_path, "demo", "--once")
    assert finished.returncode == 2
    assert finished.stderr.count("\n") == 1
    assert "holds data of PostgreSQL 16" in finished.stderr


def test_a_folder_with_something_else_in_it(tmp_path: Path) -> None:
    folder = tmp_path / ".data" / "postgres"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("the only copy")
    finished = run(tmp_path, "demo", "--once")
    assert finished.returncode == 2
    assert "is not empty and holds no Postgres" in finished.stderr
    assert (folder / "thesis.txt").read_text() == "the only copy"


@pytest.fixture(name="small_disk")
def mount_small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a disk of so many MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with ExitStack() as mounted:
        yield lambda megabytes: mounted.enter_context(small_disk(disk, megabytes))


def test_too_small_a_disk(small_disk: Callable[[int], Path]) -> None:
    finished = run(small_disk(20), "demo", "--once")
    assert finished.returncode == 2
    assert finished.stderr.count("\n") == 1
    assert "has 20 MB free, a new database needs 200 MB" in finished.stderr


def test_a_disk_that_fills_up(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(250)
    assert run(disk, "db", "migrate").returncode == 0
    with (disk / "ballast").open("wb") as ballast:
        free = shutil.disk_usage(disk).free
        ballast.write(b"\0" * (free - 2 * 2**20))
    finished = run(disk, "sample", "import")
    assert finished.returncode in {1, 2}
    assert finished.stderr.count("\n") == 1
    assert "Traceback" not in finished.stderr
    assert "disk" in finished.stderr
    (disk / "ballast").unlink()
    assert run(disk, "sample", "import").stdout == "imported 28 tracks\n"
