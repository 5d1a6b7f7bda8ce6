"""Long work in stages: a progress bar for people, seconds for the report."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

Advance = Callable[[int], None]
"""Says how much more is done."""


class Stages:
    """Runs stages one after the other.

    Args:
        console: Where the bars are drawn; never standard output, which is for the report.

    Attributes:
        console: Where the bars are drawn.
        seconds: How long each stage took, in their order.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """One stage: the context gives a function that says how much more is done.

        Args:
            name: What is done.
            total: How much there is to do; None when it cannot be told.
        """
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            *((TaskProgressColumn(),) if total else ()),
            TimeElapsedColumn(),
        )
        started = time.perf_counter()
        # where nothing can be drawn, each bar would leave an empty line
        hidden = not self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=hidden) as progress:
            task = progress.add_task(name, total=total)
            yield lambda amount: progress.advance(task, amount)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
