"""Embed the tracks that have no vector in a model.

Example:
    python scripts/backfill_embeddings.py --dry-run
"""

import asyncio
from dataclasses import replace
from typing import Annotated

import typer
from sqlalchemy import text

from app.cli.exit_status import configure_log, run_to_exit
from app.database import Database
from app.errors import UserError
from app.processing.backfill import Backfill, Choices, Work, run_backfill
from app.processing.backfill.options import AsJson, Concurrency, DryRun, Inline, Limit, RetryFailed, Verbose
from app.providers import Providers, build_providers, build_remote
from app.settings import Settings, get_settings
from workers.app import WorkerContext
from workers.tasks.calibrate import calibrate
from workers.tasks.embed import embedding_job
from workers.tasks.mirror import make_sync
from workers.track_job import work_on_track

_POLL_SECONDS = 0.5


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
    settings = get_settings()
    providers = build_providers(settings)
    backfill = Backfill("embed_track", limit=limit, retry_failed=retry_failed)

    async def plan(database: Database) -> Backfill:
        return replace(backfill, identity=await _find_model(database, model))

    def make_work(database: Database, planned: Backfill) -> Work:
        identity = str(planned.identity)
        _require_model(settings, providers, identity)
        worker, job = WorkerContext(database, providers, settings), embedding_job(providers, identity)
        return lambda track_id, file_id: work_on_track(worker, job, (track_id, file_id))

    async def finish(database: Database, planned: Backfill) -> None:
        embedding = providers.embedding_of(str(planned.identity))
        if embedding is not None:
            await calibrate(database, embedding)
        await _mirror(database, settings, providers)

    choices = Choices(dry_run=dry_run, concurrency=concurrency, inline=inline, as_json=as_json)
    raise typer.Exit(run_backfill(settings, choices, plan, make_work, finish))


async def _mirror(database: Database, settings: Settings, providers: Providers) -> None:
    """Bring the mirror up to date, if there is one; a worker that is at it is waited for."""
    if providers.mirror.name:
        sync = make_sync(database, settings, providers)
        try:
            while not await sync.run():  # noqa: ASYNC110 - it is another process that ends
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            await providers.mirror.close()


async def _find_model(database: Database, wanted: str | None) -> str:
    """Identity of the model of that name or identity among those that workers embed with."""
    statement = "select name, identity from search.models where serving or candidate order by serving desc"
    models = await database.all(text(statement))
    if wanted is None:
        return str(models[0].identity)
    found = [model.identity for model in models if wanted in {model.name, model.identity}]
    if len(found) == 1:
        return str(found[0])
    identities = ", ".join(model.identity for model in models)
    if found:
        raise UserError(f"--model: {wanted} is the name of several models: say one of {identities}")
    raise UserError(
        f"--model: {wanted} neither serves nor is about to (those that do: {identities}); "
        f"vibe-search models use {wanted} makes it the next one, and embeds every track with it"
    )


def _require_model(settings: Settings, providers: Providers, identity: str) -> None:
    """See that the model can run here before any track fails for want of it."""
    provider = providers.embedding_of(identity)
    if provider is None:
        raise UserError(f"the model {identity} is not known here: leave the work to workers that have it")
    card = provider.card
    if build_remote(settings, card) is None and not providers.embeddings.registry.is_installed(card):
        raise UserError(
            f"{card.name} is not installed here: vibe-search models pull {card.name}, or leave the work to workers"
        )


if __name__ == "__main__":
    run_to_exit(lambda: typer.run(main), hint="--verbose shows where")
