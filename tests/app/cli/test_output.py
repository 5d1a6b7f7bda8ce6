"""What commands print on terminals and pipes that take little."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.support.catalogue import Catalogue, direction

PROGRAM = "from app.cli import main; main()"
NAME = "Für Élise “música” 音楽 🎵 \\o/"


@pytest.fixture
def named(catalogue: Catalogue, connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """A catalogue in which everything has a name that few encodings have."""
    artist = catalogue.artist("elise.example", NAME)
    track = catalogue.track(f"{NAME} elise", artist=artist)
    catalogue.embed(track, direction(0))
    connection.execute("update tracks set id = 1 where id = %s and id <> 1", [track])


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
