"""vibe-search mirror."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from app.measure.turbopuffer_server import API_KEY
from tests.support.command import run_command
from tests.support.mirrored import Mirrored

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def run(database: str, mirrored: Mirrored, tmp_path: Path) -> Run:
    """Runs the command with a mirror."""

    def call(*arguments: str, status: int = 0, **settings: str) -> CompletedProcess[str]:
        environment = os.environ | {
            "DATABASE_URL": database,
            "DATA_DIR": str(tmp_path),
            "TURBOPUFFER_ENABLED": "true",
            "TURBOPUFFER_API_KEY": API_KEY,
            "TURBOPUFFER_BASE_URL": mirrored.server.url,
            "HTTP_PORT": str(free_port()),
            "COLUMNS": "160",
        }
        result = run_command(*arguments, environment=environment | settings, folder=tmp_path)
        assert result.returncode == status, result.stderr + result.stdout
        assert "Traceback" not in result.stderr
        return result

    return call


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_mirror_is_filled_looked_at_and_dropped(run: Run, mirrored: Mirrored) -> None:
    mirrored.add("one", "two")
    assert "nothing yet" in run("mirror", "status").stdout
    assert "plyr-tracks serves" in run("mirror", "rebuild").stdout
    assert list(mirrored.live) == [1, 2]
    shown = run("mirror", "status").stdout
    assert "plyr-tracks, with vectors of musicnn-tags@" in shown
    assert "none" in shown
    state = json.loads(run("mirror", "status", "--json").stdout)
    assert (state["namespace"], state["tracks"], state["lag_seconds"], state["enabled"]) == ("plyr-tracks", 2, 0, True)
    assert "2 documents of plyr-tracks compared: no difference" in run("mirror", "verify").stdout
    assert json.loads(run("mirror", "drop", "--yes", "--json").stdout) == {"dropped": ["plyr-tracks"]}
    assert mirrored.server.namespaces == {}
    assert "mirror rebuild brings it back" in run("mirror", "status").stdout
    assert json.loads(run("mirror", "rebuild", "--json").stdout) == {"namespace": "plyr-tracks-2", "filling": None}


def test_differences_end_with_1_and_are_mended(run: Run, mirrored: Mirrored) -> None:
    mirrored.add("one", "two", "three")
    mirrored.sync()
    rows = mirrored.server.namespaces["plyr-tracks"].rows
    del rows[1]
    rows[2]["title"] = "other"
    rows[9] = rows[3] | {"id": 9}
    shown = run("mirror", "verify", status=1).stdout
    for words in ("missing", "stale", "other title", "extra", "there is no such track", "3 differences"):
        assert words in shown
    found = json.loads(run("mirror", "verify", "--json", status=1).stdout)
    assert found["counts"] == {"missing": 1, "extra": 1, "stale": 1, "wrong_vector": 0}
    assert found["differences"][0] == {"kind": "missing", "track_id": 1, "title": "one", "detail": ""}
    mended = json.loads(run("mirror", "repair", "--json").stdout)
    assert (mended["mended"], mended["differences"]) == (3, [])
    assert "0 of 0 differences mended" in run("mirror", "repair").stdout
    assert mirrored.titles == {1: "one", 2: "two", 3: "three"}


def test_rebuild_can_be_left_to_workers(run: Run, mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.sync()
    assert "plyr-tracks-2 is to be filled by a worker" in run("mirror", "rebuild", "--no-wait").stdout
    assert "plyr-tracks-2, 0 of 1 tracks" in run("mirror", "status").stdout
    run("worker", "--drain")
    assert mirrored.state.namespace == "plyr-tracks-2"


def test_a_failure_is_shown(run: Run, mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.sync()
    mirrored.execute("update tracks set title = 'new'")
    mirrored.server.url = "http://127.0.0.1:9"
    failed = run("mirror", "repair", status=1)
    assert "cannot be reached" in failed.stderr
    mirrored.execute("update search.mirror_state set failure = 'it says no', failing_since = now() - interval '3 min'")
    shown = run("mirror", "status").stdout
    assert "3 min: it says no" in shown
    assert "1, the oldest" in shown


@pytest.mark.parametrize("command", [["mirror", "verify"], ["worker", "--drain"], ["serve"]])
def test_a_wrong_key_is_told_at_once(run: Run, command: list[str]) -> None:
    refused = run(*command, status=2, TURBOPUFFER_API_KEY="tpuf_wrong")
    assert "TURBOPUFFER_API_KEY" in refused.stderr
    assert "tpuf_wrong" not in refused.stderr


@pytest.mark.parametrize("command", [["mirror", "rebuild"], ["worker", "--drain"], ["serve"]])
def test_a_namespace_with_other_vectors_is_told_at_once(run: Run, mirrored: Mirrored, command: list[str]) -> None:
    mirrored.run(mirrored.store.create("plyr-tracks", 512))
    refused = run(*command, status=2)
    assert "TURBOPUFFER_NAMESPACE: plyr-tracks holds vectors of 512 dimensions" in refused.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"TURBOPUFFER_API_KEY": ""}, "TURBOPUFFER_API_KEY: needed"),
        ({"TURBOPUFFER_ENABLED": "false", "VECTOR_BACKEND": "turbopuffer"}, "TURBOPUFFER_ENABLED"),
        ({"TURBOPUFFER_ENABLED": "false"}, "TURBOPUFFER_ENABLED"),
        ({"TURBOPUFFER_NAMESPACE": "söngs"}, "TURBOPUFFER_NAMESPACE"),
        ({"TURBOPUFFER_REGION": "a/b"}, "TURBOPUFFER_REGION"),
        ({"VECTOR_BACKEND": "pinecone"}, "VECTOR_BACKEND"),
    ],
)
def test_wrong_settings_are_named(run: Run, settings: dict[str, str], words: str) -> None:
    assert words in run("mirror", "verify", status=2, **settings).stderr


def test_dropping_asks_first(run: Run, mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.sync()
    run("mirror", "drop", status=1)
    assert list(mirrored.live) == [1]


def test_a_mirror_can_be_forgotten_without_being_asked(run: Run, mirrored: Mirrored) -> None:
    mirrored.add("one")
    mirrored.sync()
    run("mirror", "drop", "--yes", "--forget", TURBOPUFFER_ENABLED="false")
    mirrored.execute("update tracks set title = 'new'")
    state = json.loads(run("mirror", "status", "--json", TURBOPUFFER_ENABLED="false").stdout)
    assert (state["namespace"], state["changes"], state["wanted"], state["enabled"]) == (None, 0, False, False)
    assert "plyr-tracks" in mirrored.server.namespaces


def test_there_is_nothing_to_compare_yet(run: Run) -> None:
    assert "mirror rebuild" in run("mirror", "verify", status=2).stderr
