"""vibe-search token."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import psycopg
import pytest

from app.auth import Caller, Scope, TokenText, find_caller
from app.database import Database
from tests.app.conftest import Issue
from tests.support.catalogue import Catalogue
from tests.support.command import run_command_here

COMMAND = str(Path(sys.executable).parent / "vibe-search")


Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def run(database: str) -> Run:
    """`vibe-search token` on the test's database."""

    def call(*arguments: str, columns: int = 80) -> CompletedProcess[str]:
        environment = os.environ | {"DATABASE_URL": database, "COLUMNS": str(columns)}
        return run_command_here("token", *arguments, environment=environment)

    return call


def find(database: str, token: str) -> Caller:
    async def steps() -> Caller:
        async with Database.open(database, pool_size=1) as opened:
            return await find_caller(opened, TokenText.parse(token))

    return asyncio.run(steps())


def test_a_token_is_printed_alone_and_works(run: Run, catalogue: Catalogue, database: str) -> None:
    me = catalogue.artist("me.example", "Me")
    made = run("create", "--did", me, "--scope", "upload", "--label", "my [bold]laptop", "--expires-days", "9")
    assert made.returncode == 0, made.stderr
    caller = find(database, made.stdout.removesuffix("\n"))
    assert caller.did == me
    assert caller.scopes == {Scope.READ, Scope.UPLOAD}
    assert caller.token_id in made.stderr
    secret = made.stdout.strip().rpartition("_")[2]
    assert secret not in made.stderr

    listed = json.loads(run("list", "--did", me, "--json").stdout)
    assert [(token["id"], token["did"], token["handle"], token["label"]) for token in listed] == [
        (caller.token_id, me, "me.example", "my [bold]laptop")
    ]
    assert (listed[0]["scopes"], listed[0]["state"], listed[0]["revoked_at"]) == (["upload"], "valid", None)
    assert listed[0]["last_used_at"] is not None
    assert "hash" not in listed[0]
    shown = run("list", columns=160).stdout
    for wanted in (caller.token_id, "me.example", me, "[bold]laptop", "upload"):
        assert wanted in shown
    assert secret not in shown


def test_the_command_as_it_is_installed(database: str) -> None:
    finished = subprocess.run(
        [COMMAND, "token", "create", "--scope", "admin"],
        env=os.environ | {"DATABASE_URL": database}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert find(database, finished.stdout.removesuffix("\n")).has(Scope.ADMIN)


def test_an_artist_is_created_when_he_is_described(
    run: Run, connection: psycopg.Connection[Any], database: str
) -> None:
    new = ("create", "--did", "did:plc:new", "--handle", "new.example", "--name", "New")
    made = json.loads(run(*new, "--json").stdout)
    assert made["scopes"] == ["read"]
    assert made["expires_at"] is None
    assert find(database, made["token"]) == Caller("did:plc:new", frozenset({Scope.READ}), made["id"])
    assert connection.execute("select handle, display_name from artists").fetchall() == [("new.example", "New")]
    # to say the same again does no harm; to say something else is not passed over
    assert run(*new).returncode == 0
    renamed = run(*new[:-1], "Other")
    assert (renamed.returncode, renamed.stderr) == (
        2,
        "error: did:plc:new is New (new.example): leave out --handle and --name\n",
    )
    taken = run("create", "--did", "did:plc:third", *new[3:])
    assert (taken.returncode, taken.stderr) == (2, "error: --handle: another artist is called new.example\n")
    assert connection.execute("select count(*) from search.tokens").fetchall() == [(2,)]


def test_tokens_are_revoked(run: Run, catalogue: Catalogue, issue: Issue) -> None:
    me = catalogue.artist("me.example", "Me")
    first, second, admin = issue(me), issue(me), issue(None, Scope.ADMIN)
    revoked = run("revoke", first.id)
    assert (revoked.returncode, revoked.stdout) == (0, "1 token revoked\n")
    assert json.loads(run("revoke", "--did", me, "--json").stdout) == {"revoked": [second.id]}
    assert run("revoke", "--did", me).stdout == "0 tokens revoked, 2 before\n"
    states = {token["id"]: token["state"] for token in json.loads(run("list", "--json").stdout)}
    assert states == {first.id: "revoked", second.id: "revoked", admin.id: "valid"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create",), "--did"),
        (("create", "--did", "did:plc:nobody"), "there is no artist 'did:plc:nobody': with --handle and --name"),
        (("create", "--did", "d", "--name", "N"), "both --handle and --name"),
        (("create", "--scope", "admin", "--handle", "h", "--name", "N"), "needs --did"),
        (("create", "--did", ""), "cannot be empty"),
        (("create", "--did", "d", "--scope", "root"), "'admin'"),
        (("revoke",), "its ID, or --did"),
        (("revoke", "0", "--did", "d"), "its ID, or --did"),
        (("revoke", "0123456789ab"), "there is no token '0123456789ab'"),
    ],
)
def test_what_was_not_said_is_asked_for(run: Run, arguments: tuple[str, ...], said: str) -> None:
    finished = run(*arguments, columns=200)
    assert finished.returncode == 2
    assert said in finished.stderr
    assert finished.stdout == ""
    assert "Traceback" not in finished.stderr


def test_no_tokens(run: Run) -> None:
    assert run("list").stdout == "there are no tokens\n"
    assert json.loads(run("list", "--json").stdout) == []
