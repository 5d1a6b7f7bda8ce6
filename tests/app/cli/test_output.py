"""What commands print on terminals and pipes that take little."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.support.catalogue import Catalogue, direction

PROGRAM = "from app.cli import main; main()"
NAME = "Für Élise “música” 音楽 🎵 \\o/"
POOR = {
    "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii",
    "COLUMNS": "40", "TERM": "dumb", "NO_COLOR": "1",
}  # fmt: skip
"""A terminal that has ASCII, 40 columns and nothing else."""

COMMANDS = (
    *(("search", "elise"), ("similar", "1"), ("queue",), ("models", "list"), ("token", "list"), ("audit", "--verbose")),
    *(("backfill", "embeddings", "--dry-run"), ("mirror", "status"), ("db", "roles", "--dry-run")),
)


@pytest.fixture
def named(catalogue: Catalogue, connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """A catalogue in which everything has a name that few encodings have."""
    artist = catalogue.artist("elise.example", NAME)
    track = catalogue.track(f"{NAME} elise", artist=artist)
    catalogue.embed(track, direction(0))
    connection.execute("update tracks set id = 1 where id = %s and id <> 1", [track])


def run(named: str, folder: Path, *arguments: str, **terminal: str) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"DATABASE_URL": named, "DATA_DIR": str(folder)} | terminal
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], env=environment, capture_output=True, check=False
    )


@pytest.mark.usefixtures("named")
def test_every_command_ends_well_on_a_poor_terminal(database: str, tmp_path: Path) -> None:
    for arguments in COMMANDS:
        done = run(database, tmp_path, *arguments, **POOR)
        assert (done.returncode, done.stderr) == (0, b""), arguments
        assert done.stdout
    shown = run(database, tmp_path, "search", "elise", **POOR).stdout.decode("ascii")
    assert {"type", "label", "artist", "tier", "matched"} <= {
        line.split()[0] for line in shown.splitlines() if line.split()
    }


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_holds_every_name(database: str, tmp_path: Path, encoding: str) -> None:
    done = run(database, tmp_path, "search", "elise", "--json", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert (
        json.loads(done.stdout.decode("utf-8" if encoding == "ascii" else encoding))["results"][0]["details"]["title"]
        == f"{NAME} elise"
    )


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("arguments", [("models", "list"), ("search", "elise", "--json"), ("--help",)])
def test_a_reader_that_has_gone_ends_it_without_a_word(
    database: str, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environment = os.environ | {"DATABASE_URL": database, "DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, env=environment, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
