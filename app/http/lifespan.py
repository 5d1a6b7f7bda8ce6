"""What lives as long as the web process: connections, the serving model, and what many requests share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from app.cancellation import end_task
from app.catalogue import AudioIntake
from app.errors import DatabaseUnavailableError, StatementTimeoutError
from app.http import figures
from app.http.client_address import read_networks
from app.http.dependencies import ApiState
from app.http.kept_map import KeptMap
from app.http.readiness import Readiness
from app.http.shared_results import RecentResult
from app.http.shares import Databases, open_databases
from app.http.stream_places import StreamPlaces
from app.http.track_follower import TrackFollower
from app.processing.switch.model_states import read_model_states
from app.providers import Providers
from app.search import ClipReader, Search, ServingModel
from app.settings import Settings

_MODELS_FRESH_SECONDS = 2.0
"""How old the models' progress may be: it is counted over all tracks."""


@asynccontextmanager
async def open_state(url: str, settings: Settings, providers: Providers) -> AsyncIterator[ApiState]:
    """Open what the endpoints share, and follow which model serves; closes it at the end.

    Args:
        url: libpq URL of the database.
        settings: Limits and deadlines.
        providers: The services that endpoints use.
    """
    async with open_databases(url, settings) as databases:
        serving = ServingModel(providers)
        try:
            await serving.refresh(databases.reads)
        except (DatabaseUnavailableError, StatementTimeoutError):
            await serving.load()
        state = _make_state(url, settings, providers, databases, serving)
        following = asyncio.create_task(serving.follow(databases.reads))
        try:
            yield state
        finally:
            # it may be in the middle of a query, whose connection it has to give back before they are closed
            await end_task(following)
            await _close(state)


def _make_state(
    url: str, settings: Settings, providers: Providers, databases: Databases, serving: ServingModel
) -> ApiState:
    return ApiState(
        settings=settings,
        database=databases.reads,
        writes_database=databases.writes,
        health_database=databases.health,
        providers=providers,
        serving=serving,
        search=Search.from_settings(databases.search, serving, settings, providers.mirror),
        clips=ClipReader(
            serving,
            max_seconds=settings.clip_max_seconds,
            concurrency=settings.clip_concurrency,
            deadline_seconds=settings.clip_deadline_seconds,
        ),
        intake=AudioIntake(
            databases.writes,
            providers.audio_store,
            limits=settings.decoder_limits,
            concurrency=settings.upload_concurrency,
        ),
        event_streams=StreamPlaces(
            settings.event_streams, settings.event_streams_per_address, read_networks(settings.rate_limit_exempt)
        ),
        follower=TrackFollower(databases.streams),
        readiness=Readiness(url, providers, databases.health, settings.turbopuffer_namespace),
        library_map=KeptMap(databases.reads),
        figures=RecentResult(partial(figures.read_figures, databases.health), seconds=figures.FRESH_SECONDS),
        model_states=RecentResult(partial(read_model_states, databases.health), seconds=_MODELS_FRESH_SECONDS),
    )


async def _close(state: ApiState) -> None:
    await state.follower.close()
    await state.readiness.close()
    await state.figures.close()
    await state.model_states.close()
    await state.library_map.close()
    state.search.close()
    state.clips.close()
    state.intake.close()
    await state.providers.viewers.close()
    await state.providers.mirror.close()
