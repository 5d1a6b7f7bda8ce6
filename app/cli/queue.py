"""vibe-search queue: show, retry, cancel."""

import json
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from app.cli.age import describe_age
from app.database import call_function, run_with_database
from app.errors import UserError
from app.processing.failures import TrackFailure
from app.processing.queue_state import TaskCounts, read_queue
from app.settings import get_settings
from app.terminal import make_console, print_line, print_table

_FIGURES = {
    "waiting": "waiting",
    "retrying": "retrying",
    "awaiting_audio": "no audio yet",
    "running": "running",
    "failed": "failed",
    "cancelled": "cancelled",
    "done_last_minute": "done/min",
    "done_last_hour": "done/h",
}


def show(*, failures: int, as_json: bool) -> None:
    """Show what waits, runs and failed, how old the oldest is, how fast it goes, and why what failed did."""
    state = run_with_database(get_settings(), lambda _, database: read_queue(database, failures))
    if as_json:
        print_line(json.dumps(asdict(state), default=str, indent=2))
        return
    console = make_console()
    if state.tasks:
        print_table(console, _render_tasks(state.tasks))
    else:
        console.print("the queue is empty")
    if state.failures:
        print_table(console, _render_failures(state.failures))
    more = state.all_failures - len(state.failures)
    if more:
        console.print(f"{more:,} more {'failure' if more == 1 else 'failures'}: --failures lists more of them")


def retry(*, failed: bool, permanent: bool, task: str | None, as_json: bool) -> None:
    """Enqueue failed jobs anew, with all their attempts."""
    if not failed:
        raise UserError("say which jobs: --failed")
    number = _call("search.retry_failed_jobs(:task, :permanent)", task=task, permanent=permanent)
    _report(number, "enqueued", as_json=as_json)


def cancel(*, backfill: bool, everything: bool, task: str | None, as_json: bool) -> None:
    """Cancel jobs that no worker has begun; what is running goes on."""
    if backfill == everything:
        raise UserError("say which jobs: --backfill or --all")
    # whatever a person waits for has at least this priority
    below = ", search.job_priority('on_demand')" if backfill else ""
    number = _call(f"search.cancel_jobs(:task{below})", task=task)
    _report(number, "cancelled", as_json=as_json)


def _report(number: int, done: str, *, as_json: bool) -> None:
    print_line(json.dumps({done: number}) if as_json else f"{number:,} {'job' if number == 1 else 'jobs'} {done}")


def _render_tasks(tasks: list[TaskCounts]) -> Table:
    """A column for each figure that any task has: all of them would not fit in a terminal."""
    figures = {heading: [getattr(state, name) for state in tasks] for name, heading in _FIGURES.items()}
    shown = {heading: counts for heading, counts in figures.items() if any(counts)}
    headings = ("priority", *shown, "oldest")
    table = Table(
        Column("task", no_wrap=True),
        *(Column(name, justify="right", no_wrap=True) for name in headings),
        box=SIMPLE_HEAD,
    )
    for number, state in enumerate(tasks):
        counts = (f"{found[number]:,}" if found[number] else "" for found in shown.values())
        table.add_row(state.task, str(state.priority), *counts, describe_age(state.oldest))
    return table


def _render_failures(failures: list[TrackFailure]) -> Table:
    table = Table(
        Column("track", justify="right"), "title", "task", "attempts", "why", title="failures", box=SIMPLE_HEAD
    )
    for failure in failures:
        attempts = f"{failure.attempts}, the last" if failure.permanent else str(failure.attempts)
        table.add_row(str(failure.track_id), failure.title, failure.task, attempts, failure.reason)
    return table


def _call(call: str, **parameters: object) -> int:
    number: int = run_with_database(get_settings(), lambda _, database: call_function(database, call, **parameters))
    return number
