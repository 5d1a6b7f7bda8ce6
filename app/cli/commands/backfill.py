"""vibe-search backfill and audit."""

from typing import Annotated

import typer

from app.cli.commands.backfill_options import AsJson, Concurrency, DryRun, Inline, Limit, RetryFailed, Verbose
from app.cli.exit_status import configure_log

cli = typer.Typer(help="Do what tracks lack: embeddings, genres.", no_args_is_help=True)


@cli.command()
def embeddings(  # noqa: PLR0913, PLR0917 - each is an option of the command
    dry_run: DryRun = False,
    limit: Limit = None,
    concurrency: Concurrency = None,
    inline: Inline = False,
    retry_failed: RetryFailed = False,
    model: Annotated[
        str | None, typer.Option(help="Name or identity of the model; otherwise the one that serves.")
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Embed the tracks that have no vector: enqueue their jobs, and wait until workers have done them.

    With --inline or --concurrency this process does the work itself; several such processes share it. Where vectors are
    mirrored, the process that does the work brings the mirror up to date.

    Examples:
      vibe-search backfill embeddings --dry-run
      vibe-search backfill embeddings --limit 5
      vibe-search backfill embeddings --concurrency 20
    """
    from app.processing.backfill import Choices, backfill_embeddings
    from app.settings import get_settings

    if verbose:
        configure_log(verbose=True)
    choices = Choices(dry_run=dry_run, concurrency=concurrency, inline=inline, as_json=as_json)
    raise typer.Exit(backfill_embeddings(get_settings(), choices, model, limit=limit, retry_failed=retry_failed))


@cli.command()
def genres(  # noqa: PLR0913, PLR0917 - each is an option of the command
    dry_run: DryRun = False,
    limit: Limit = None,
    concurrency: Concurrency = None,
    inline: Inline = False,
    retry_failed: RetryFailed = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Classify the tracks that have no genres: enqueue their jobs, and wait until workers have done them.

    With --inline or --concurrency this process does the work itself; several such processes share it.

    Examples:
      vibe-search backfill genres --dry-run
      vibe-search backfill genres --limit 5
      vibe-search backfill genres --concurrency 10
    """
    from app.processing.backfill import Choices, backfill_genres
    from app.settings import get_settings

    if verbose:
        configure_log(verbose=True)
    choices = Choices(dry_run=dry_run, concurrency=concurrency, inline=inline, as_json=as_json)
    raise typer.Exit(backfill_genres(get_settings(), choices, limit=limit, retry_failed=retry_failed))


def audit(
    verbose: Annotated[bool, typer.Option("--verbose", help="List each track, too, and every difference.")] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check-embeddings",
            help="Compare the vectors with the tracks, the tracks with the audio, the mirror with both.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what has been embedded and classified of each artist, when, what waits, what failed, and what never was.

    Ends with 1 when --check-embeddings finds something wrong.

    Examples:
      vibe-search audit
      vibe-search audit --verbose --check-embeddings
    """
    from app.processing.audit import run_audit
    from app.settings import get_settings

    raise typer.Exit(run_audit(get_settings(), check=check, verbose=verbose, as_json=as_json))
