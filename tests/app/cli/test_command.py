"""The vibe-search command, apart from the demo."""

import json
import os
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import typer
from pgvector import HalfVector

from app import __version__
from app.cli.command import cli
from tests.support.command import run_command


def run(*arguments: str, **environment: str) -> CompletedProcess[str]:
    return run_command(*arguments, environment=os.environ | environment)


def leaves(command: Any, name: str = "") -> list[tuple[str, Any]]:
    """Every command that does something, with its words."""
    if hasattr(command, "commands"):
        return [leaf for key, child in command.commands.items() for leaf in leaves(child, f"{name} {key}".strip())]
    return [(name, command)]


@pytest.mark.parametrize(("name", "command"), leaves(typer.main.get_command(cli)))
def test_every_command_explains_itself(name: str, command: Any) -> None:
    text = (command.help or "") + (command.epilog or "")
    assert len(text) > 15
    assert name == "version" or f"vibe-search {name}" in text, "the help has no example"
    assert all(getattr(parameter, "help", None) for parameter in command.params)


@pytest.mark.parametrize(("name", "command"), leaves(typer.main.get_command(cli)))
def test_every_example_has_a_line_of_its_own(name: str, command: Any) -> None:
    written = [
        line.strip() for line in f"{command.help}\n{command.epilog}".splitlines() if f"vibe-search {name}" in line
    ]
    shown = run(*name.split(), "--help", COLUMNS="40").stdout
    assert [line for line in written if line not in [found.strip() for found in shown.splitlines()]] == []
    assert "\b" not in shown


def test_lists_of_commands_have_whole_summaries() -> None:
    shown = " ".join(run("models", "--help", COLUMNS="80").stdout.split())
    for _, command in leaves(typer.main.get_command(cli).commands["models"]):  # type: ignore[attr-defined]
        assert " ".join(command.help.partition("\n\n")[0].split()) in shown


def test_version() -> None:
    assert run("version").stdout == f"vibe-search {__version__}\n"
    assert json.loads(run("version", "--json").stdout) == {"version": __version__}


def test_a_text_is_embedded_for_psql() -> None:
    text = run("models", "embed", "calm piano").stdout
    figures = json.loads(run("models", "embed", "calm piano", "--json").stdout)
    assert HalfVector.from_text(text.strip()).to_list() == figures["embedding"]
    assert len(figures["embedding"]) == 100
    assert figures["audibility"] > 0.9
    assert figures["identity"].startswith("musicnn-tags@")
    refused = run("models", "embed", "?!")
    assert (refused.returncode, refused.stderr) == (2, "error: the text has no words\n")


def test_models() -> None:
    listed = json.loads(run("models", "list", "--json").stdout)
    assert [model["name"] for model in listed if model["installed"]] == ["musicnn-tags"]
    assert {"clap-htsat-unfused", "larger_clap_general"} < {model["name"] for model in listed}
    assert listed[0]["identity"] in run("models", "list", COLUMNS="80").stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "words"),
    [
        (["search", "x"], {}, 2, "takes 2 to 100"),
        (["search", "fern", "--type", "Tracks,songs"], {}, 2, "unknown type 'songs': choose from tracks, artists"),
        (["search", "fern", "--limit", "99"], {}, 2, "--limit"),
        (["search", "fern"], {"EMBEDDING_MODEL": "none"}, 2, "EMBEDDING_MODEL: no model is named 'none'"),
        (["search", "fern"], {"DATABASE_URL": "mysql://x"}, 2, "must begin with postgresql://"),
        (["search", "fern"], {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, 1, "Postgres cannot be reached"),
        (["db", "migrate"], {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, 1, "Postgres cannot be reached"),
        (["worker"], {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, 1, "Postgres cannot be reached"),
        (["serve"], {"HTTP_PORT": "0"}, 2, "HTTP_PORT"),
        (["serve"], {"SEMANTIC_DEADLINE_SECONDS": "soon"}, 2, "SEMANTIC_DEADLINE_SECONDS"),
        (["nonsense"], {}, 2, "nonsense"),
    ],
)
def test_errors_are_words_and_a_status(
    arguments: list[str], environment: dict[str, str], status: int, words: str, tmp_path: Path
) -> None:
    finished = run(*arguments, **({"DATA_DIR": str(tmp_path), "COLUMNS": "200"} | environment))
    assert finished.returncode == status
    assert words in finished.stderr
    assert "Traceback" not in finished.stderr


def test_keys_that_are_not_there_are_not_served_without(database: str, tmp_path: Path) -> None:
    finished = run("serve", "--port", "18766", DATABASE_URL=database, DATA_DIR=str(tmp_path), VIEWER_JWT_KEYS="no.json")
    assert finished.returncode == 2
    assert finished.stderr.endswith("error: VIEWER_JWT_KEYS: no.json is no file, and no http or https address\n")


def test_an_unmigrated_database_is_not_served(empty_database: str) -> None:
    for arguments in (["serve", "--port", "18765"], ["worker", "--drain"], ["search", "fern"], ["evaluate"]):
        finished = run(*arguments, DATABASE_URL=empty_database)
        assert finished.returncode == 2, arguments
        assert "run vibe-search db migrate" in finished.stderr
