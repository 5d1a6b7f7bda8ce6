"""Every command on a database that was adopted."""

from pathlib import Path

import pytest
import typer

from app.cli.command import cli
from app.database import release
from tests.app.cli.test_command import leaves
from tests.app.database.adoption.test_adopted_service import command

COMMANDS: dict[str, tuple[tuple[str, ...], int]] = {
    "worker": (("--drain",), 0),
    "search": (("slow tide",), 0),
    "similar": (("1",), 0),
    "evaluate": (("names.csv", "--by", "unified"), 0),
    "backfill embeddings": (("--dry-run",), 0),
    "backfill genres": (("--dry-run",), 0),
    "audit": (("--check-embeddings",), 1),
    "version": ((), 0),
    "db migrate": ((), 0),
    "db adopt": ((), 0),
    "db release": (("--dry-run",), 0),
    "db roles": (("--dry-run",), 0),
    "db url": ((), 0),
    "db psql": (("-c", "select * from search.track_processing, search.index_health, search.stale_tables"), 0),
    "mirror status": ((), 0),
    "mirror verify": ((), 2),
    "mirror repair": ((), 2),
    "mirror rebuild": ((), 2),
    "mirror drop": (("--yes",), 2),
    "models list": ((), 0),
    "models pull": (("musicnn-tags",), 2),
    "models export": (("musicnn-tags",), 2),
    "models check": (("musicnn-tags",), 0),
    "models use": (("musicnn-tags",), 2),
    "models remove": (("musicnn-tags",), 2),
    "models embed": (("calm piano",), 0),
    "queue": ((), 0),
    "queue retry": (("--failed",), 0),
    "queue cancel": (("--backfill",), 0),
    "sample import": ((), 2),
    "token create": (("--did", "did:plc:bert"), 0),
    "token list": ((), 0),
    "token revoke": (("--did", "did:plc:bert"), 0),
}
"""What follows the command, and the exit code: 2 where there is no mirror and no model to change, and
where the sample library would come into the application."""
ELSEWHERE = {
    "demo": "makes a database of its own",
    "serve": "does not end; the endpoints have tests of their own",
    "clap serve": "knows no database",
    "bench search": "makes a database of its own",
    "bench writes": "makes a database of its own",
    "bench http": "makes a database of its own",
    "bench embed": "knows no database",
}


def test_no_command_is_forgotten() -> None:
    names = {name for name, _ in leaves(typer.main.get_command(cli))}
    assert names | {"queue"} == COMMANDS.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_on_an_adopted_database(adopted: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "names.csv").write_text(
        "query,relevant\nslow tide,1\nrainy,playlist:7d1c0000-2222-4bbb-8ccc-000000000001\n", encoding="utf-8"
    )
    arguments, status = COMMANDS[name]
    arguments = tuple(str(tmp_path / argument) if argument.endswith(".csv") else argument for argument in arguments)
    finished = command(adopted, tmp_path, *name.split(), *arguments)
    assert finished.returncode == status, finished.stderr + finished.stdout


@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if name.partition(" ")[0] in {"search", "similar", "worker"}]
)
def test_a_command_while_search_is_released(adopted: str, tmp_path: Path, name: str) -> None:
    release(adopted)
    finished = command(adopted, tmp_path, name, *COMMANDS[name][0])
    assert finished.returncode == 2
    assert "run vibe-search db adopt" in finished.stderr
