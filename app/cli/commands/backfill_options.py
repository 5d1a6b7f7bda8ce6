"""The options that both backfills have."""

from typing import Annotated

import typer

from app.cli.version import AsJson

__all__ = ["AsJson", "Concurrency", "DryRun", "Inline", "Limit", "RetryFailed", "Verbose"]

DEFAULT_CONCURRENCY = 10
"""That of app.processing.backfill.run, which takes long to import."""

DryRun = Annotated[bool, typer.Option("--dry-run", help="List the tracks that lack it, and change nothing.")]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1, help="Tracks at most: those that have not failed before first, then by id.", show_default=False
    ),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=256,
        help=f"Tracks at the same time in this process; implies --inline. Default of --inline: {DEFAULT_CONCURRENCY}. "
        "Workers have their own, WORKER_CONCURRENCY.",
        show_default=False,
    ),
]
Inline = Annotated[bool, typer.Option("--inline", help="Work in this process, not through the queue.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Also try audio again that could not be decoded.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Log what happens, to standard error.")]
