"""The backfill of genres: the tracks that are not classified."""

from app.database import Database
from app.errors import UserError
from app.processing.backfill.inline import Work
from app.processing.backfill.run import Choices, run_backfill
from app.processing.backfill.targets import Backfill
from app.processing.genres import genre_job
from app.processing.track_job import work_on_track
from app.providers import build_providers
from app.settings import Settings


def backfill_genres(settings: Settings, choices: Choices, *, limit: int | None, retry_failed: bool) -> int:
    """Classify the tracks that have no genres.

    Args:
        settings: Which database, and which services.
        choices: How it is run.
        limit: Tracks at most; None for all.
        retry_failed: Whether audio that could not be decoded is tried again.

    Returns:
        Exit status, as of `run_backfill`.

    Raises:
        UserError: As `run_backfill`; or no classifier is configured.
        DatabaseUnavailableError: Postgres cannot be reached.
        KeyboardInterrupt: It was stopped; that has been said.
    """
    providers = build_providers(settings)
    job = genre_job(providers)
    if job is None:
        raise UserError("GENRE_PROVIDER is none: nobody names genres")
    backfill = Backfill("classify_genres", limit=limit, retry_failed=retry_failed)

    async def plan(_database: Database) -> Backfill:
        return backfill

    def make_work(database: Database, _backfill: Backfill) -> Work:
        return lambda track_id, file_id: work_on_track(database, providers.audio_store, job, (track_id, file_id))

    return run_backfill(settings, choices, plan, make_work)
