"""Running a backfill as a command does: look, enqueue and wait, or work here; then tell the figures."""

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TypeAlias

from rich.console import Console

from app.database import Database, open_sessions, run_with_database
from app.processing.backfill.inline import InlineProgress, InlineWork, Work
from app.processing.backfill.report import Meter, render_preview, render_result, result_for_machines
from app.processing.backfill.result import BackfillResult, Outcomes, read_outcomes
from app.processing.backfill.targets import Backfill, enqueue, list_tracks, read_preview
from app.processing.backfill.waiting import JobProgress, wait_for_jobs
from app.settings import Settings
from app.terminal import make_console, print_line, print_table

DEFAULT_CONCURRENCY = 10
"""Tracks at the same time in this process."""

PREVIEWED = 20
"""Tracks that a dry run lists without a limit."""

_MOST_CONNECTIONS = 16
_SIGNAL_SECONDS = 0.5
_NO_WORKER = (
    "no worker is running, so nothing will happen to the jobs: start one in another terminal with "
    "vibe-search worker, or press Ctrl-C and work here with --inline"
)

Plan: TypeAlias = Callable[[Database], Awaitable[Backfill]]
"""Says what is to be filled in, once the database is open."""

MakeWork: TypeAlias = Callable[[Database, Backfill], Work]
"""Makes the work of this process."""


Finish: TypeAlias = Callable[[Database, Backfill], Awaitable[object]]
"""What follows from a backfill."""


@dataclass(frozen=True)
class Choices:
    """How a backfill is run.

    Attributes:
        dry_run: List the tracks and change nothing.
        concurrency: Tracks at the same time in this process; None leaves the work to workers, unless inline.
        inline: Work in this process.
        as_json: Print JSON.
    """

    dry_run: bool = False
    concurrency: int | None = None
    inline: bool = False
    as_json: bool = False

    @property
    def works_here(self) -> bool:
        """Whether this process does the work: a concurrency can mean nothing else."""
        return self.inline or self.concurrency is not None

    @property
    def tracks_at_once(self) -> int:
        """Tracks at the same time in this process."""
        return self.concurrency or DEFAULT_CONCURRENCY


async def _nothing(_database: Database, _backfill: Backfill) -> None:
    """What is to be done after most backfills."""


def run_backfill(
    settings: Settings, choices: Choices, plan: Plan, make_work: MakeWork, finish: Finish = _nothing
) -> int:
    """Run one, and print what came of it.

    Args:
        settings: Which database.
        choices: How it is run.
        plan: What is to be filled in.
        make_work: The work of this process, where it does any.
        finish: What this process does when it has worked to the end; otherwise workers see to that, too.

    Returns:
        Exit status: 0 when nothing is left to do, 1 when tracks failed or were left.

    Raises:
        UserError: The database's schema is of another version, or the plan cannot be made.
        DatabaseUnavailableError: Postgres cannot be reached.
        KeyboardInterrupt: It was stopped; that has been said.
    """
    # with JSON on standard output, people read the other one
    console = make_console(stderr=choices.as_json)
    running = _Run(console, choices, settings)

    async def steps(_url: str, database: Database) -> int:
        backfill = await plan(database)
        if choices.dry_run:
            await _preview(console, database, backfill, as_json=choices.as_json)
            return 0
        work = make_work(database, backfill) if choices.works_here else None
        result = await (running.wait(database, backfill) if work is None else running.work(database, backfill, work))
        if choices.as_json:
            print_line(json.dumps(result_for_machines(result), ensure_ascii=False, indent=2))
        elif result.eligible:
            print_table(console, render_result(result))
        else:
            console.print("nothing to do: every track has its result, or cannot be decoded")
        if running.stopped:
            raise KeyboardInterrupt
        # also where nothing was left to do: a run that was killed may have done the work and not this
        if work is not None:
            await finish(database, backfill)
        return 0 if result.complete else 1

    connections = 2 + min(choices.tracks_at_once, _MOST_CONNECTIONS)
    try:
        return run_with_database(settings, steps, connections=connections)
    except KeyboardInterrupt:
        running.say_farewell()
        raise


async def _preview(console: Console, database: Database, backfill: Backfill, *, as_json: bool) -> None:
    preview = await read_preview(database, backfill, most=PREVIEWED)
    if as_json:
        print_line(json.dumps(asdict(preview), ensure_ascii=False, indent=2))
    elif preview.eligible:
        print_table(console, render_preview(preview))
    else:
        console.print("no track is eligible")


class _Run:
    """One backfill under way."""

    def __init__(self, console: Console, choices: Choices, settings: Settings) -> None:
        self.stopped = False
        self._console = console
        self._choices = choices
        self._settings = settings
        self._unfinished: int | None = None
        self._lonely = False

    async def wait(self, database: Database, backfill: Backfill) -> BackfillResult:
        """Enqueue, and wait for workers."""
        began = time.monotonic()
        enqueued, jobs = await enqueue(database, backfill)
        self._unfinished = len(jobs)
        if jobs:
            self._console.print(
                f"{enqueued:,} jobs enqueued, {len(jobs) - enqueued:,} were in the queue already", highlight=False
            )
            with Meter(self._console, backfill.task, len(jobs)) as meter:
                await wait_for_jobs(
                    database, jobs.values(), lambda progress: self._show_jobs(meter, progress, len(jobs))
                )
        outcomes = await read_outcomes(database, backfill, jobs.keys()) if jobs else Outcomes()
        seconds = time.monotonic() - began
        return BackfillResult(backfill.task, backfill.identity, False, len(jobs), enqueued, outcomes, seconds)

    async def work(self, database: Database, backfill: Backfill, work: Work) -> BackfillResult:
        """Work here."""
        began = time.monotonic()
        tracks = await list_tracks(database, backfill)
        outcomes = Outcomes()
        if tracks:
            async with open_sessions(
                self._settings, database, "working here on tracks that others may claim"
            ) as claims:
                with Meter(self._console, backfill.task, len(tracks)) as meter:
                    inline = InlineWork(claims, backfill, work, lambda progress: _show_inline(meter, progress))
                    with _stopping(inline, meter):
                        await inline.run(tracks, self._choices.tracks_at_once)
            self.stopped = inline.stopped
            outcomes = await read_outcomes(database, backfill, tracks)
        seconds = time.monotonic() - began
        return BackfillResult(backfill.task, backfill.identity, True, len(tracks), 0, outcomes, seconds)

    def say_farewell(self) -> None:
        """Say what becomes of the rest, after Ctrl-C."""
        if self._choices.works_here:
            words = "stopped: what is done is stored, and the same command goes on with the rest"
        elif self._unfinished is None:
            words = "stopped before anything was enqueued"
        else:
            words = (
                f"stopped waiting: {self._unfinished:,} jobs stay in the queue, and workers go on with them "
                "(vibe-search queue shows them, vibe-search queue cancel --backfill takes back those of backfills)"
            )
        self._console.print(words, highlight=False, soft_wrap=True)

    def _show_jobs(self, meter: Meter, progress: JobProgress, total: int) -> None:
        self._unfinished = progress.unfinished
        lonely = progress.workers == 0 and progress.unfinished > 0
        if lonely and not self._lonely:
            meter.say(_NO_WORKER)
        self._lonely = lonely
        retrying = f"{progress.retrying:,} to be tried again" if progress.retrying else ""
        meter.show(
            total - progress.unfinished, failed=progress.failed, note="no worker is running" if lonely else retrying
        )


def _show_inline(meter: Meter, progress: InlineProgress) -> None:
    note = f"{progress.elsewhere:,} in other hands" if progress.elsewhere else ""
    meter.show(progress.finished, failed=progress.failed, note=note)


@contextmanager
def _stopping(inline: InlineWork, meter: Meter) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM finish the tracks under way; the next one ends the process as ever."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def restore() -> None:
        for number in signals:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])

    def stop() -> None:
        if not inline.stopped:
            inline.stop()
            meter.say("finishing the tracks under way; once more to leave them")
            # some senders signal the process and its group, so that one signal comes twice
            loop.call_later(_SIGNAL_SECONDS, restore)

    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        restore()
