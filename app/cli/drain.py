"""vibe-search worker --drain: a worker until no job is due, and how far it is."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.database import Database
from app.errors import DatabaseUnavailableError
from app.providers import Providers
from app.settings import Settings
from app.terminal import print_line
from workers.app import run_worker
from workers.supervision import Tally

_LOOK_SECONDS = 0.5
_LOOK_SHARE = 9.0
"""Looking takes at most a tenth of the time, however many jobs there are."""


def drain_queue(url: str, settings: Settings, providers: Providers) -> None:
    """Run jobs until none is due, with a progress bar on a terminal, and say in the end what was done.

    Args:
        url: libpq URL of the database.
        settings: Concurrency and limits.
        providers: The services that tasks use.

    Raises:
        UserError: The mirror cannot be used with these settings.
        Exception: What ends a worker again and again.
    """
    tally, console = Tally(), Console(stderr=True)
    asyncio.run(_drain(url, settings, providers, tally, console))
    words = [f"{tally.done:,} {'job' if tally.done == 1 else 'jobs'} done", f"{tally.failed:,} failed"]
    if tally.awaiting_audio:
        words.append(f"{tally.awaiting_audio:,} found no audio yet")
    print_line(", ".join(words) + (": vibe-search queue shows why" if tally.failed else ""))


async def _drain(url: str, settings: Settings, providers: Providers, tally: Tally, console: Console) -> None:
    work = run_worker(url, settings, providers, wait=False, handle_signals=True, tally=tally)
    if not console.is_terminal:
        await work
        return
    with _Meter(console, tally).showing() as meter:
        async with Database.open(url, pool_size=1) as database:
            watching = asyncio.create_task(_watch(database, meter))
            try:
                await work
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            await _look(database, meter)


async def _watch(database: Database, meter: "_Meter") -> None:
    clock = asyncio.get_running_loop().time
    while True:
        began = clock()
        await _look(database, meter)
        await asyncio.sleep(max(_LOOK_SECONDS, _LOOK_SHARE * (clock() - began)))


async def _look(database: Database, meter: "_Meter") -> None:
    # the worker waits for a database that is away, and so does the bar
    with suppress(DatabaseUnavailableError):
        found = await database.one("drain_progress")
        meter.show(found.pending - found.waiting_to_retry)


class _Meter:
    """A progress bar over the jobs on tracks, and the log above it.

    Args:
        console: The terminal.
        tally: How the jobs of this process have ended.
    """

    def __init__(self, console: Console, tally: Tally) -> None:
        self._tally = tally
        self._progress = Progress(
            BarColumn(),
            TextColumn("{task.completed:,.0f} done, {task.fields[left]:,} left, {task.fields[failed]:,} failed"),
            TextColumn("{task.fields[rate]:.1f}/s"),
            TimeElapsedColumn(),
            console=console,
        )
        self._bar = self._progress.add_task("jobs", total=None, left=0, failed=0, rate=0.0)

    @contextmanager
    def showing(self) -> Iterator["_Meter"]:
        """Show it while the block runs, and leave its last state."""
        handlers = [one for one in logging.getLogger().handlers if isinstance(one, logging.StreamHandler)]
        with self._progress:
            # rich has put a stream there that writes above the bar
            before = [(handler, handler.setStream(sys.stderr)) for handler in handlers]
            try:
                yield self
            finally:
                for handler, stream in before:
                    if stream is not None:
                        handler.setStream(stream)

    def show(self, left: int) -> None:
        """Show how far it is.

        Args:
            left: Jobs that are due or run, here and in other workers.
        """
        done, failed = self._tally.done, self._tally.failed
        ended = done + failed + self._tally.awaiting_audio
        elapsed = self._progress.tasks[0].elapsed
        rate = ended / elapsed if elapsed else 0.0
        self._progress.update(self._bar, completed=done, total=done + left, left=left, failed=failed, rate=rate)
