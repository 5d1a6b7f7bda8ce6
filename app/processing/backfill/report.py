"""How a backfill is shown: its progress while it runs, and its figures in the end."""

from types import TracebackType
from typing import Any, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from app.processing.backfill.result import BackfillResult
from app.processing.backfill.targets import Preview

DOING = {"embed_track": "embedding", "classify_genres": "classifying"}
"""What each task is called while it runs."""


class Meter:
    """A progress bar over tracks, with lines of words above it.

    Args:
        console: Where it is shown; on what is no terminal, only the lines and the last state are.
        task: What is done.
        total: Tracks.
    """

    def __init__(self, console: Console, task: str, total: int) -> None:
        self._progress = Progress(
            TextColumn(DOING[task]),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("tracks  {task.fields[rate]:.1f}/s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
        )
        self._total = total
        self._bar = self._progress.add_task(task, total=total, rate=0.0, note="")

    def __enter__(self) -> Self:
        """Show it."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave its last state."""
        self._progress.stop()

    def say(self, words: str) -> None:
        """Print a line."""
        self._progress.console.print(words, highlight=False, soft_wrap=True)

    def show(self, done: int, *, failed: int = 0, note: str = "") -> None:
        """Show how far it is.

        Args:
            done: Tracks that are done with.
            failed: How many of them failed.
            note: What else there is to say.
        """
        elapsed = self._progress.tasks[0].elapsed or 0.0
        notes = [f"{failed:,} failed" if failed else "", note]
        self._progress.update(
            self._bar,
            completed=done,
            rate=done / elapsed if elapsed else 0.0,
            note=", ".join(words for words in notes if words),
        )


def render_preview(preview: Preview) -> Table:
    """The first tracks that a backfill would take."""
    table = Table(
        "track",
        "title",
        "artist",
        "state",
        title=f"{preview.eligible:,} eligible {_tracks(preview.eligible)}; nothing is changed",
        title_justify="left",
        caption=f"the first {len(preview.tracks):,} of them" if len(preview.tracks) < preview.eligible else None,
        caption_justify="left",
        box=SIMPLE_HEAD,
    )
    for track in preview.tracks:
        states = ["has a job"] * track.enqueued + ["has failed"] * track.failed
        table.add_row(str(track.track_id), track.title, track.artist, ", ".join(states))
    return table


def render_result(result: BackfillResult) -> Table:
    """The final figures, with the most frequent reasons below them."""
    outcomes = result.outcomes
    table = Table(box=SIMPLE_HEAD, show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    table.add_row("eligible", f"{result.eligible:,}", "" if result.inline else f"{result.enqueued:,} enqueued now")
    table.add_row("done", f"{outcomes.done:,}")
    for name, number, words in (
        ("undecodable", outcomes.undecodable, "not tried again without --retry-failed"),
        ("failed", outcomes.failed, "tried again by the next run"),
        ("left", outcomes.left, "cancelled, or not come to"),
        ("skipped", outcomes.gone, "deleted meanwhile"),
    ):
        table.add_row(name, f"{number:,}", words if number else "")
        for reason in outcomes.reasons:
            if reason.outcome == name:
                which = (
                    f"track {reason.example}" if reason.tracks == 1 else f"{reason.tracks:,}, as track {reason.example}"
                )
                table.add_row("", "", f"{which}: {reason.reason}", style="dim")
    table.add_row("rate", f"{result.rate:.2f}/s")
    table.add_row("elapsed", f"{result.seconds:.1f} s")
    return table


def result_for_machines(result: BackfillResult) -> dict[str, Any]:
    """The same as JSON has it."""
    outcomes = result.outcomes
    return {
        "task": result.task,
        "model": result.model,
        "inline": result.inline,
        "eligible": result.eligible,
        "enqueued": result.enqueued,
        "done": outcomes.done,
        "undecodable": outcomes.undecodable,
        "failed": outcomes.failed,
        "left": outcomes.left,
        "skipped": outcomes.gone,
        "reasons": [vars(reason) for reason in outcomes.reasons],
        "rate": round(result.rate, 3),
        "seconds": round(result.seconds, 3),
    }


def _tracks(number: int) -> str:
    return "track" if number == 1 else "tracks"
