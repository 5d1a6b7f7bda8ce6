"""The scripts where vectors are mirrored."""

import json
from collections.abc import Callable

import pytest

from app.measure.turbopuffer_server import API_KEY
from tests.scripts.conftest import Run
from tests.support.mirrored import Mirrored


@pytest.fixture
def mirrored(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> Mirrored:
    """The mirror that the scripts find in their environment."""
    monkeypatch.setenv("TURBOPUFFER_ENABLED", "true")
    monkeypatch.setenv("TURBOPUFFER_API_KEY", API_KEY)
    monkeypatch.setenv("TURBOPUFFER_BASE_URL", mirrored.server.url)
    return mirrored


def test_what_is_embedded_here_is_mirrored(run: Run, add: Callable[..., list[int]], mirrored: Mirrored) -> None:
    first, second = add("calm_acoustic_1", "happy_acoustic_1")
    assert run("backfill_embeddings", "--limit", "1", "--inline").returncode == 0
    assert list(mirrored.live) == [first]
    assert run("backfill_embeddings", "--concurrency", "2").returncode == 0
    assert list(mirrored.live) == [first, second]
    assert run("ml_audit", "--check-embeddings").returncode == 0


def test_a_dry_run_tells_the_mirror_nothing(run: Run, add: Callable[..., list[int]], mirrored: Mirrored) -> None:
    add("calm_acoustic_1")
    assert run("backfill_embeddings", "--dry-run").returncode == 0
    assert mirrored.server.requests == []


def test_a_mirror_that_fails_loses_nothing(run: Run, add: Callable[..., list[int]], mirrored: Mirrored) -> None:
    (track,) = add("calm_acoustic_1")
    mirrored.sync()
    url, mirrored.server.url = mirrored.server.url, ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TURBOPUFFER_BASE_URL", "http://127.0.0.1:9")
        failed = run("backfill_embeddings", "--inline")
    assert failed.returncode == 1
    assert "the mirror: " in failed.stderr
    mirrored.server.url = url
    assert mirrored.state.changes == 1
    mirrored.sync()
    assert list(mirrored.live) == [track]


def test_the_audit_finds_differences_of_the_mirror(run: Run, mirrored: Mirrored) -> None:
    one, two = mirrored.add("one", "two")
    mirrored.sync()
    rows = mirrored.server.namespaces["plyr-tracks"].rows
    rows[one]["title"] = "other"
    rows[99] = rows[two] | {"id": 99}
    del rows[two]
    finished = run("ml_audit", "--check-embeddings", "--json")
    assert finished.returncode == 1
    found = [one for one in json.loads(finished.stdout)["differences"] if one["kind"].startswith("mirror")]
    named = [(one["kind"], one["track_id"], one["title"], one["detail"]) for one in found]
    assert named == [
        ("mirror: stale", one, "one", "other title"),
        ("mirror: missing", two, "two", None),
        ("mirror: extra", 99, None, "there is no such track"),
    ]
    assert "mirror: stale" in run("ml_audit", "--check-embeddings").stdout
