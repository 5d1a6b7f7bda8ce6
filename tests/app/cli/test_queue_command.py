"""vibe-search queue."""

import json
import os
from collections.abc import Callable
from subprocess import CompletedProcess

import psycopg
import pytest

from tests.support.catalogue import Catalogue
from tests.support.command import run_command

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def run(database: str) -> Run:
    """`vibe-search queue` on the test's database."""

    def call(*arguments: str) -> CompletedProcess[str]:
        environment = os.environ | {"DATABASE_URL": database, "COLUMNS": "160"}
        return run_command("queue", *arguments, environment=environment)

    return call


@pytest.fixture
def failed_track(catalogue: Catalogue, connection: psycopg.Connection[tuple[object, ...]]) -> int:
    """A track that could not be classified."""
    track = catalogue.track("Broken Record")
    for status in ("doing", "failed"):
        connection.execute(
            f"update procrastinate_jobs set status = '{status}' where task_name = 'classify_genres'".encode()
        )
    connection.execute(
        "insert into search.job_failures (track_id, task, file_id, reason, permanent, attempts) "
        "values (%s, 'classify_genres', 'f', 'the disk is on fire', false, 5)",
        [track],
    )
    return track


def test_it_shows_what_waits_and_why_something_failed(run: Run, failed_track: int) -> None:
    shown = run()
    assert shown.returncode == 0, shown.stderr
    for wanted in ("embed_track", "waiting", "oldest", str(failed_track), "Broken Record", "the disk is on fire"):
        assert wanted in shown.stdout

    state = json.loads(run("--json").stdout)
    assert state["all_failures"] == 1
    assert [failure["reason"] for failure in state["failures"]] == ["the disk is on fire"]
    tasks = {task["task"]: task for task in state["tasks"]}
    assert (tasks["embed_track"]["waiting"], tasks["classify_genres"]["failed"]) == (1, 1)


def test_failures_beyond_the_listed_ones_are_counted(
    run: Run, failed_track: int, connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    connection.execute(
        "insert into search.job_failures (track_id, task, file_id, reason, permanent, attempts, failed_at) "
        "values (%s, 'embed_track', 'f', 'an older reason', false, 1, now() - interval '1 hour')",
        [failed_track],
    )
    shown = run("--failures", "1")
    assert "1 more failure: --failures lists more" in shown.stdout
    assert "the disk is on fire" in shown.stdout
    assert "an older reason" not in shown.stdout


def test_a_failure_of_audio_that_was_replaced_is_none(
    run: Run, failed_track: int, connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    connection.execute("update tracks set file_id = 'g' where id = %s", [failed_track])
    assert json.loads(run("--json").stdout)["all_failures"] == 0


@pytest.mark.usefixtures("failed_track")
def test_failed_jobs_are_tried_again(run: Run) -> None:
    again = run("retry", "--failed", "--task", "classify_genres")
    assert (again.returncode, again.stdout) == (0, "1 job enqueued\n")
    tasks = {task["task"]: task for task in json.loads(run("--json").stdout)["tasks"]}
    assert (tasks["classify_genres"]["waiting"], tasks["classify_genres"]["failed"]) == (1, 0)
    assert json.loads(run("retry", "--failed", "--json").stdout) == {"enqueued": 0}


def test_waiting_jobs_are_cancelled(run: Run, catalogue: Catalogue) -> None:
    catalogue.track("Unwanted")
    assert run("cancel", "--backfill").stdout == "0 jobs cancelled\n"
    assert run("cancel", "--all").stdout == "2 jobs cancelled\n"
    tasks = json.loads(run("--json").stdout)["tasks"]
    assert [(task["waiting"], task["cancelled"]) for task in tasks] == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("retry",), "--failed"),
        (("cancel",), "--backfill or --all"),
        (("cancel", "--all", "--backfill"), "--backfill or --all"),
        (("retry", "--failed", "--task", "embed"), "embed_track"),
    ],
)
def test_what_was_not_said_is_asked_for(run: Run, arguments: tuple[str, ...], said: str) -> None:
    finished = run(*arguments)
    assert finished.returncode == 2
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr


def test_an_empty_queue_says_so(run: Run) -> None:
    assert "the queue is empty" in run().stdout
