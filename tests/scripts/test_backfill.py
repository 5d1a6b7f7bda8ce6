"""scripts/backfill_embeddings.py and scripts/backfill_genres.py, on real audio with the real worker."""

import asyncio
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from app.database import connect
from app.processing.calibration import FEWEST_TRACKS
from app.providers import Providers, build_providers
from app.settings import Settings
from services.audio_store import LocalAudioStore
from tests.scripts.conftest import ROOT, Finished, Run, Start
from tests.support.catalogue import Catalogue, direction
from workers.app import run_worker

Connection = psycopg.Connection[Any]

EMBED, CLASSIFY = "scripts/backfill_embeddings.py", "scripts/backfill_genres.py"


def embedded(connection: Connection) -> list[int]:
    return [row[0] for row in connection.execute("select track_id from search.embeddings order by 1").fetchall()]


def classified(connection: Connection) -> list[int]:
    statement = "select id from tracks where extra ->> 'genre_predictions_file_id' = file_id order by 1"
    return [row[0] for row in connection.execute(statement).fetchall()]


def jobs(connection: Connection, task: str) -> list[tuple[int, str]]:
    return connection.execute(
        "select (args ->> 'track_id')::bigint, status::text from procrastinate_jobs where task_name = %s order by 1, 2",
        [task],
    ).fetchall()


def result(finished: Finished) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


def wait_until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def add_broken(catalogue: Catalogue, settings: Settings) -> int:
    """A track whose audio is none."""
    stored = LocalAudioStore(settings.audio_dir).put(io.BytesIO(b"this is a letter, not a song " * 50), "mp3")
    return catalogue.track("Broken", file_id=stored.file_id)


@pytest.mark.parametrize("script", ["backfill_embeddings", "backfill_genres"])
def test_a_dry_run_lists_and_changes_nothing(run: Run, connection: Connection, tracks: list[int], script: str) -> None:
    connection.execute("delete from procrastinate_jobs where (args ->> 'track_id')::bigint = %s", [tracks[0]])
    before = [jobs(connection, task) for task in ("embed_track", "classify_genres")]
    listed = run(script, "--dry-run", "--limit", "2")
    assert listed.returncode == 0, listed.stderr
    assert "4 eligible tracks" in listed.stdout
    assert "calm_acoustic_1" in listed.stdout
    assert "Somebody" in listed.stdout
    assert "tender_acoustic_1" not in listed.stdout

    preview = json.loads(run(script, "--dry-run", "--json").stdout)
    assert preview["eligible"] == 4
    assert [(track["track_id"], track["enqueued"]) for track in preview["tracks"]] == [
        (track, track != tracks[0]) for track in tracks
    ]
    assert [jobs(connection, task) for task in ("embed_track", "classify_genres")] == before
    assert embedded(connection) == classified(connection) == []


def work_once_enqueued(settings: Settings, providers: Providers, number: int) -> None:
    """A worker that runs the jobs as soon as there are so many."""
    deadline = time.monotonic() + 30
    with connect(str(settings.database_url)) as connection:
        connection.autocommit = True
        while len(jobs(connection, "embed_track")) < number:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    asyncio.run(run_worker(str(settings.database_url), settings, providers, wait=False))


def test_jobs_are_enqueued_and_waited_for(
    run: Run, connection: Connection, catalogue: Catalogue, settings: Settings, add: Callable[..., list[int]]
) -> None:
    tracks = add("calm_acoustic_1", "happy_acoustic_1")
    broken = add_broken(catalogue, settings)
    connection.execute("delete from procrastinate_jobs where (args ->> 'track_id')::bigint <> %s", [tracks[0]])
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work_once_enqueued, settings, build_providers(settings), 3)
        finished = run("backfill_embeddings", "--json")
        working.result()
    assert finished.returncode == 0, finished.stderr
    figures = result(finished)
    assert [figures[name] for name in ("eligible", "enqueued", "done", "undecodable", "failed")] == [3, 2, 2, 1, 0]
    assert figures["reasons"][0]["example"] == broken
    assert figures["model"].startswith("musicnn-tags@")
    assert figures["inline"] is False
    assert embedded(connection) == tracks


def test_without_a_worker_it_says_so_and_ctrl_c_leaves_the_jobs(
    start: Start, connection: Connection, tracks: list[int]
) -> None:
    connection.execute("delete from procrastinate_jobs")
    backfill = start(CLASSIFY, "--limit", "3")
    said = ""
    while "vibe-search worker" not in said:
        assert backfill.stdout is not None
        line = backfill.stdout.readline()
        assert line, backfill.communicate()
        said += line
    assert "3 jobs enqueued" in said
    assert "no worker is running" in said
    backfill.send_signal(signal.SIGINT)
    said, _ = backfill.communicate(timeout=30)
    assert backfill.returncode == 130
    assert "3 jobs stay in the queue" in said
    assert jobs(connection, "classify_genres") == [(track, "todo") for track in tracks[:3]]


def test_inline_works_without_the_queue_and_says_what_failed(
    run: Run, connection: Connection, catalogue: Catalogue, settings: Settings, add: Callable[..., list[int]]
) -> None:
    whole = add("calm_acoustic_1", "happy_acoustic_1")
    broken, missing = add_broken(catalogue, settings), catalogue.track("Missing", file_id="ab" * 32)
    connection.execute("delete from procrastinate_jobs")

    first = run("backfill_embeddings", "--inline", "--json")
    assert first.returncode == 1, first.stderr
    figures = result(first)
    counts = [figures[name] for name in ("eligible", "enqueued", "done", "undecodable", "failed", "left", "skipped")]
    assert counts == [4, 0, 2, 1, 1, 0, 0]
    assert {reason["example"]: reason["outcome"] for reason in figures["reasons"]} == {
        broken: "undecodable",
        missing: "failed",
    }
    assert embedded(connection) == whole
    assert jobs(connection, "embed_track") == []

    # only what may succeed is tried again, unless more is asked for
    assert result(run("backfill_embeddings", "--concurrency", "2", "--json"))["eligible"] == 1
    connection.execute("delete from tracks where id = %s", [missing])
    done = run("backfill_embeddings", "--inline")
    assert (done.returncode, done.stdout) == (0, "nothing to do: every track has its result, or cannot be decoded\n")
    again = run("backfill_embeddings", "--inline", "--retry-failed")
    assert again.returncode == 0, again.stderr
    assert "not an audio file" in again.stdout


def test_the_end_calibrates_also_where_nothing_was_left_to_do(
    run: Run, connection: Connection, catalogue: Catalogue
) -> None:
    for number in range(FEWEST_TRACKS):
        catalogue.embed(catalogue.track(f"Track {number}"), direction(number))
    assert run("backfill_embeddings", "--inline").returncode == 0
    assert connection.execute("select tracks from search.calibrations").fetchone() == (FEWEST_TRACKS,)


def test_what_a_killed_one_left_is_found_by_the_next(
    start: Start, run: Run, connection: Connection, tracks: list[int]
) -> None:
    killed = start(CLASSIFY, "--concurrency", "1")
    wait_until(lambda: len(classified(connection)) >= 1, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=30)
    before = classified(connection)
    assert 1 <= len(before) < 4
    figures = result(run("backfill_genres", "--inline", "--json"))
    assert (figures["eligible"], figures["done"]) == (4 - len(before), 4 - len(before))
    assert classified(connection) == tracks


def test_sigterm_finishes_the_tracks_under_way(start: Start, connection: Connection, tracks: list[int]) -> None:
    stopped = start(EMBED, "--concurrency", "1", "--json")
    wait_until(lambda: len(embedded(connection)) >= 1, stopped)
    stopped.send_signal(signal.SIGTERM)
    output, words = stopped.communicate(timeout=30)
    assert stopped.returncode == 130
    figures = json.loads(output)
    assert figures["done"] == len(embedded(connection)) < 4
    assert figures["done"] + figures["left"] == len(tracks)
    assert figures["failed"] == 0
    assert "the same command goes on with the rest" in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "larger_clap_general"], "vibe-search models use larger_clap_general"),
        (["--limit", "0"], "--limit"),
        (["--concurrency", "0"], "--concurrency"),
    ],
)
def test_what_cannot_be_is_said(run: Run, arguments: list[str], words: str) -> None:
    finished = run("backfill_embeddings", *arguments)
    assert finished.returncode == 2
    assert words in finished.stderr
    assert "Traceback" not in finished.stderr


def test_it_runs_as_a_module_too(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "scripts.backfill_embeddings", "--model", "musicnn-tags", "--dry-run"]
    finished = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (finished.returncode, finished.stdout) == (0, "no track is eligible\n"), finished.stderr
