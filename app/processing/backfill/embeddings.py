"""The backfill of embeddings: the tracks that have no vector in a model."""

from dataclasses import replace

from sqlalchemy import text

from app.database import Database
from app.errors import UserError
from app.mirror import MirrorSync, catch_up
from app.processing.backfill.inline import Work
from app.processing.backfill.run import Choices, run_backfill
from app.processing.backfill.targets import Backfill
from app.processing.calibration import calibrate
from app.processing.embedding import embedding_job
from app.processing.track_job import work_on_track
from app.providers import Providers, build_providers, build_remote
from app.settings import Settings


def backfill_embeddings(
    settings: Settings, choices: Choices, model: str | None = None, *, limit: int | None, retry_failed: bool
) -> int:
    """Embed the tracks that have no vector.

    When this process has done the work, it calibrates the model and brings the mirror up to date; else workers do.

    Args:
        settings: Which database, and which services.
        choices: How it is run.
        model: Name or identity of the model; None for the one that serves.
        limit: Tracks at most; None for all.
        retry_failed: Whether audio that could not be decoded is tried again.

    Returns:
        Exit status, as of `run_backfill`.

    Raises:
        UserError: As `run_backfill`; or the model is not in use, or cannot run here.
        DatabaseUnavailableError: Postgres cannot be reached.
        KeyboardInterrupt: It was stopped; that has been said.
    """
    providers = build_providers(settings)
    backfill = Backfill("embed_track", limit=limit, retry_failed=retry_failed)

    async def plan(database: Database) -> Backfill:
        return replace(backfill, identity=await _find_model(database, model))

    def make_work(database: Database, planned: Backfill) -> Work:
        identity = str(planned.identity)
        _require_model(settings, providers, identity)
        job = embedding_job(providers, identity)
        return lambda track_id, file_id: work_on_track(database, providers.audio_store, job, (track_id, file_id))

    async def finish(database: Database, planned: Backfill) -> None:
        embedding = providers.embedding_of(str(planned.identity))
        if embedding is not None:
            await calibrate(database, embedding)
        await _mirror(database, settings, providers)

    return run_backfill(settings, choices, plan, make_work, finish)


async def _mirror(database: Database, settings: Settings, providers: Providers) -> None:
    """Bring the mirror up to date, if there is one."""
    if providers.mirror.name:
        try:
            await catch_up(MirrorSync(database, providers.mirror, settings.turbopuffer_namespace))
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
