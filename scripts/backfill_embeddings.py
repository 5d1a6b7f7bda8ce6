"""Embed the tracks that have no vector in a model.

Example:
    python scripts/backfill_embeddings.py --dry-run
"""

from typing import Annotated

import typer

from app.cli.backfill_options import AsJson, Concurrency, DryRun, Inline, Limit, RetryFailed, Verbose
from app.cli.exit_status import configure_log, run_to_exit
from app.cli.private_memory import keep_memory_private
from app.processing.backfill import Choices, backfill_embeddings
from app.settings import get_settings


def main(  # noqa: PLR0913, PLR0917 - each is an option of the command
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
    mirrored, the mirror is brought up to date by whoever does the work.

    Examples:
      python scripts/backfill_embeddings.py --dry-run

      python scripts/backfill_embeddings.py --limit 5

      python scripts/backfill_embeddings.py --concurrency 20
    """
    configure_log(verbose=verbose)
    choices = Choices(dry_run=dry_run, concurrency=concurrency, inline=inline, as_json=as_json)
    raise typer.Exit(backfill_embeddings(get_settings(), choices, model, limit=limit, retry_failed=retry_failed))


if __name__ == "__main__":
    keep_memory_private()
    run_to_exit(lambda: typer.run(main), hint="--verbose shows where")
