"""Classify the tracks that have no genres.

Example:
    python scripts/backfill_genres.py --dry-run
"""

import typer

from app.cli.exit_status import configure_log, run_to_exit
from app.database import Database
from app.errors import UserError
from app.processing.backfill import Backfill, Choices, Work, run_backfill
from app.processing.backfill.options import AsJson, Concurrency, DryRun, Inline, Limit, RetryFailed, Verbose
from app.providers import build_providers
from app.settings import get_settings
from workers.app import WorkerContext
from workers.tasks.classify import genre_job
from workers.track_job import work_on_track


def main(  # noqa: PLR0913, PLR0917 - each is an option of the command
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
      python scripts/backfill_genres.py --dry-run

      python scripts/backfill_genres.py --limit 5

      python scripts/backfill_genres.py --concurrency 10
    """
    configure_log(verbose=verbose)
    settings = get_settings()
    providers = build_providers(settings)
    job = genre_job(providers)
    if job is None:
        raise UserError("GENRE_PROVIDER is none: nobody names genres")
    backfill = Backfill("classify_genres", limit=limit, retry_failed=retry_failed)

    async def plan(_database: Database) -> Backfill:
        return backfill

    def make_work(database: Database, _backfill: Backfill) -> Work:
        worker = WorkerContext(database, providers, settings)
        return lambda track_id, file_id: work_on_track(worker, job, (track_id, file_id))

    choices = Choices(dry_run=dry_run, concurrency=concurrency, inline=inline, as_json=as_json)
    raise typer.Exit(run_backfill(settings, choices, plan, make_work))


if __name__ == "__main__":
    run_to_exit(lambda: typer.run(main), hint="--verbose shows where")
