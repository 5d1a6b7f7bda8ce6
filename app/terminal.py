"""What people read in terminals: names as they are, and tables where they do not fit."""

import sys

from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table

_BORDER = 3
"""Characters between two columns."""


def make_console(*, stderr: bool = False) -> Console:
    """A console that prints names as they are: ``[live]`` is no markup, and ``:heart:`` no emoji.

    Args:
        stderr: Whether it is standard error.
    """
    return Console(stderr=stderr, markup=False, emoji=False)


def print_line(text: str, *, end: str = "\n", stderr: bool = False) -> None:
    """Print a text as it is; `typer.echo` would write UTF-8 where the encoding is ASCII.

    Args:
        text: What to print.
        end: What follows it.
        stderr: Whether on standard error.
    """
    stream = sys.stderr if stderr else sys.stdout
    stream.write(text + end)
    stream.flush()


def print_table(console: Console, table: Table) -> None:
    """Print a table; where it does not fit, each row as lines of its own, and no column is lost."""
    needed = sum(_narrowest(console, column) + _BORDER for column in table.columns)
    # without a header, its rows are such lines already
    if table.show_header and needed > console.width:
        table = _as_records(table)
    for column in table.columns:
        column.overflow = "fold"
    console.print(table)


def _narrowest(console: Console, column: Column) -> int:
    """The width at which no word of a column is cut, or no cell that may not be wrapped."""
    cells = [
        Measurement.get(console, console.options.update(width=10_000), cell) for cell in (column.header, *column.cells)
    ]
    return max(cell.maximum if column.no_wrap else cell.minimum for cell in cells)


def _as_records(table: Table) -> Table:
    """A line for each cell, with the heading before it, and an empty line after each row."""
    records = Table.grid(padding=(0, 2))
    records.title, records.caption = table.title, table.caption
    records.title_justify, records.caption_justify = "left", "left"
    records.add_column(style="bold", no_wrap=True)
    records.add_column(overflow="fold")
    for row in zip(*(column.cells for column in table.columns), strict=True):
        for column, cell in zip(table.columns, row, strict=True):
            records.add_row(str(column.header).replace("\n", ", "), cell)
        records.add_row("", "")
    return records
