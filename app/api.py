"""The web application."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from app import __version__
from app.database import create_engine
from app.errors import DatabaseUnavailableError
from app.middleware import ClipSize, PagePolicy
from app.providers import Providers
from app.routes import audio, clip, health, page, search, tracks
from app.search import ClipReader, Search
from app.settings import Settings
from app.state import ApiState

_log = logging.getLogger(__name__)


def create_api(url: str, settings: Settings, providers: Providers) -> FastAPI:
    """The application for one database; opens its connections when it starts serving.

    Args:
        url: libpq URL of the database.
        settings: Limits and deadlines.
        providers: The services that endpoints use.
    """

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        engine = create_engine(url, pool_size=settings.database_pool_size)
        engine_search = Search.from_settings(engine, providers.embedding, settings)
        engine_search.hears = await asyncio.to_thread(_load_model, providers)
        clips = ClipReader(
            providers.embedding,
            max_seconds=settings.clip_max_seconds,
            concurrency=settings.clip_concurrency,
            deadline_seconds=settings.clip_deadline_seconds,
        )
        api.state.api = ApiState(settings, url, engine, providers, engine_search, clips)
        yield
        clips.close()
        await engine.dispose()

    api = FastAPI(
        title="vibe-search",
        version=__version__,
        summary="One box over an audio catalogue: matched by name and by sound.",
        lifespan=lifespan,
        # their pages load scripts from elsewhere, and stay empty without a network
        docs_url=None,
        redoc_url=None,
    )
    api.add_middleware(PagePolicy)
    api.add_middleware(ClipSize, limit=settings.clip_max_bytes)
    api.add_exception_handler(DatabaseUnavailableError, _answer_unavailable)
    for module in (search, tracks, audio, health, page):
        api.include_router(module.router)
    api.include_router(clip.router, max_body_size=settings.clip_max_bytes)
    api.mount("/web", StaticFiles(directory=page.WEB_DIR), name="web")
    return api


def _load_model(providers: Providers) -> bool:
    """Whether the model is there. Without it the search goes on by name, and the log says why."""
    try:
        providers.embedding.load()
    except Exception:  # noqa: BLE001 - whatever is wrong with a model, names can be searched
        _log.exception("the model cannot be loaded: everything is answered by name alone")
        return False
    return True


async def _answer_unavailable(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse(
        {"detail": "the database cannot be reached at the moment: try again in a few seconds"},
        status_code=503,
        headers={"retry-after": "5"},
    )
