"""Names in any script on terminals and pipes that take little: no encoding, no width and no markup loses any."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from rich.table import Table

from app.auth import Scope
from app.terminal import make_console, print_table
from tests.app.conftest import Issue
from tests.support.catalogue import Catalogue, direction
from tests.support.command import run_command_here

NAME = "Гимн elise Für 音楽 🎵 [live] [/b] :heart: \\o/"
"""What no encoding of one byte has, and what rich would read as markup."""

DUMB = {"LC_ALL": "C", "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "40"}

COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "search": (("elise",), (NAME, "Artist", "tracks")),
    "similar": (("1",), (NAME, "Artist", "sound")),
    "evaluate": (("queries.csv", "--by", "unified", "--each"), (NAME,)),
    "backfill embeddings": (("--dry-run",), (NAME, "Artist")),
    "audit": (("--verbose", "--check-embeddings"), (NAME, "Artist", "elise.example", "musicnn-tags")),
    "db migrate": ((), ("to",)),
    "mirror status": ((), ("TURBOPUFFER_ENABLED",)),
    "models list": ((), ("clap-htsat-unfused", "musicnn-tags", "serving", "licence")),
    "queue": ((), (NAME, "embed_track", "oldest")),
    "token list": ((), (NAME, "elise.example", "read")),
}
"""What follows each command, and words that it prints."""

NAMELESS = {"db migrate", "mirror status", "models list"}


@pytest.fixture
def named(
    catalogue: Catalogue, connection: psycopg.Connection[tuple[object, ...]], issue: Issue, tmp_path: Path
) -> None:
    """A catalogue in which everything has such a name."""
    artist = catalogue.artist("elise.example", f"Artist {NAME}")
    for axis in range(2):
        catalogue.embed(catalogue.track(f"{axis} {NAME}", artist=artist, id=axis + 1), direction(0, lean=axis / 9))
    failed = catalogue.track(f"3 {NAME}", artist=artist, id=3)
    connection.execute(
        "insert into search.job_failures (track_id, task, file_id, reason, permanent, attempts) "
        "values (%s, 'embed_track', 'f', %s, false, 5)",
        [failed, NAME],
    )
    issue(artist, Scope.READ, label=NAME)
    (tmp_path / "queries.csv").write_text(f"query,relevant\n{NAME},1\n", encoding="utf-8")


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_lost(database: str, tmp_path: Path, name: str, encoding: str) -> None:
    poor = os.environ | DUMB | {"DATABASE_URL": database, "DATA_DIR": str(tmp_path), "PYTHONIOENCODING": encoding}
    given, words = COMMANDS[name]
    arguments = [*name.split(), *(str(tmp_path / one) if one.endswith(".csv") else one for one in given)]
    shown = run_command_here(*arguments, environment=poor)
    # the audio that it looks for is not there
    status = 1 if name == "audit" else 0
    assert (shown.returncode, shown.stderr) == (status, "")
    assert missing(shown.stdout, " ".join(words), encoding) == [], shown.stdout

    told = run_command_here(*arguments, "--json", environment=poor)
    assert (told.returncode, told.stderr) == (status, "")
    assert name in NAMELESS or any(NAME in text for text in texts(json.loads(told.stdout)))


@pytest.mark.usefixtures("named")
def test_the_command_itself_takes_the_encoding_from_its_environment(database: str, tmp_path: Path) -> None:
    environment = os.environ | DUMB | {"DATABASE_URL": database, "DATA_DIR": str(tmp_path), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", "from app.cli.vibe_search import main; main()", "search", "elise"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert missing(done.stdout, NAME, "ascii") == []


def test_a_table_that_fits_is_one() -> None:
    table = Table("title", "artist")
    table.add_row("a [b] c", "Somebody")
    assert len(printed(table, 40).splitlines()) == 5


def test_one_that_does_not_has_a_line_for_each_cell() -> None:
    table = Table("title", "artist", title="[t] found")
    table.add_row("a" * 50, "b" * 20)
    lines = printed(table, 40).split("\n")
    assert lines[0].strip() == "[t] found"
    assert [line.split() for line in lines[1:]][:3] == [["title", "a" * 32], ["a" * 18], ["artist", "b" * 20]]


def printed(table: Table, width: int) -> str:
    console = make_console()
    console.width = width
    with console.capture() as captured:
        print_table(console, table)
    return captured.get()


def missing(shown: str, words: str, encoding: str) -> list[str]:
    """The words that are not there; one that is folded is."""
    # in ASCII tables have frames
    squeezed = "".join(shown.replace("|", " ").split())
    return [word for word in words.split() if escape(word, encoding) not in squeezed]


def escape(text: str, encoding: str) -> str:
    """As JSON has the characters that the encoding lacks."""
    return "".join(one if one.encode(encoding, "ignore") else json.dumps(one)[1:-1] for one in text)


def texts(value: object) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts(part)
