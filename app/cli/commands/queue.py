"""vibe-search queue: show, retry, cancel."""

from enum import StrEnum
from typing import Annotated

import typer

from app.cli.version import AsJson

cli = typer.Typer()


class TrackTask(StrEnum):
    """A task on a track."""

    EMBED = "embed_track"
    CLASSIFY = "classify_genres"


Task = Annotated[TrackTask | None, typer.Option(help="Only this task.", show_default=False)]


@cli.callback(invoke_without_command=True, epilog="Example: vibe-search queue --failures 100")
def show(
    context: typer.Context,
    # without a default in the signature: typer would import pydantic to read it, also to explain `queue retry`
    failures: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="Failures to list, the latest first; otherwise 10.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what waits, runs and failed, how old the oldest is, how fast it goes, and why what failed did.

    Times are those of jobs that are kept: JOB_RETENTION_HOURS after their end they are removed.
    """
    if context.invoked_subcommand is not None:
        return
    from app.cli.private_memory import keep_memory_private
    from app.cli.queue import show

    keep_memory_private()
    show(failures=failures or 10, as_json=as_json)


@cli.command(epilog="Example: vibe-search queue retry --failed --task embed_track")
def retry(
    failed: Annotated[bool, typer.Option("--failed", help="Jobs that were given up.")] = False,
    permanent: Annotated[bool, typer.Option("--permanent", help="Also those whose audio cannot be decoded.")] = False,
    task: Task = None,
    as_json: AsJson = False,
) -> None:
    """Enqueue failed jobs anew, with all their attempts."""
    from app.cli.queue import retry

    retry(failed=failed, permanent=permanent, task=task, as_json=as_json)


@cli.command(epilog="Example: vibe-search queue cancel --backfill")
def cancel(
    backfill: Annotated[bool, typer.Option("--backfill", help="Background jobs.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Those of uploads, too.")] = False,
    task: Task = None,
    as_json: AsJson = False,
) -> None:
    """Cancel jobs that no worker has begun; what is running goes on."""
    from app.cli.queue import cancel

    cancel(backfill=backfill, everything=everything, task=task, as_json=as_json)
