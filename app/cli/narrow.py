"""Tables in terminals that are too narrow for them."""

from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table

_BORDER = 3
"""Characters between two columns."""


def print_table(console: Console, table: Table) -> None:
    """Print a table; where it does not fit, each row as lines of its own, and no column is lost."""
    needed = sum(_narrowest(console, column) + _BORDER for column in table.columns)
    console.print(table if needed <= console.width else _as_records(table))


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
