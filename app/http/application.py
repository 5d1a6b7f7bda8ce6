"""The web application."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled, SerializationFailure
from sqlalchemy.exc import DBAPIError, IntegrityError

from app import __version__
from app.errors import (
    CatalogueReleasedError,
    ConnectionsBusyError,
    DatabaseUnavailableError,
    ReadOnlyDatabaseError,
    StatementTimeoutError,
)
from app.http.client_address import read_networks
from app.http.cross_origin import allow_origins, read_origins
from app.http.lifespan import open_state
from app.http.middleware.compression import Compression
from app.http.middleware.headers import SecurityHeaders, Vary
from app.http.middleware.rate_limit import RateLimit, RateLimits
from app.http.middleware.request_log import RequestLog
from app.http.routes import (
    api_description,
    audio,
    clip,
    health,
    library_map,
    me,
    metrics,
    models,
    page,
    recommended_tags,
    tags,
    track_events,
    track_match,
    tracks,
    uploads,
)
from app.http.routes import search as search_routes
from app.http.viewer import answer_hidden
from app.providers import Providers, build_viewers, read_public_address
from app.settings import Settings
from services.audio_store import AudioStoreError
from services.invalid_request import answer_invalid
from services.request_size import ExplainTooLarge
from services.slow_clients import BodyRate

_log = logging.getLogger(__name__)

_TOO_SLOW = "the database took too long and gave up"

_GIVEN_UP: dict[type[BaseException], str] = {
    QueryCanceled: _TOO_SLOW,
    LockNotAvailable: "other changes are in the way",
    DeadlockDetected: "another change was in the way",
    SerializationFailure: "another change was in the way",
}
"""Errors of a statement after which the same request may succeed, in words for people."""

MAX_BODY_BYTES = 65_536
"""Of a request that holds no audio."""


def create_api(url: str, settings: Settings, providers: Providers) -> FastAPI:
    """The application for one database; opens its connections when it starts serving.

    Args:
        url: libpq URL of the database.
        settings: Limits and deadlines.
        providers: The services that endpoints use.
    """
    exempt = read_networks(settings.rate_limit_exempt)
    # workers have none, and its connections belong to the event loop of this process
    providers = replace(providers, viewers=build_viewers(settings))
    origins = read_origins(settings.cors_origins)

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        async with open_state(url, settings, providers) as state:
            api.state.api = state
            yield

    api = FastAPI(
        title="vibe-search",
        version=__version__,
        summary="One box over an audio catalogue: matched by name and by sound.",
        lifespan=lifespan,
        # their pages load scripts from elsewhere, and stay empty without a network
        docs_url=None,
        redoc_url=None,
        # served by routes/api_description.py, which writes it once
        openapi_url=None,
        # the framework's redirects lead to whatever host the request names
        redirect_slashes=False,
    )
    public = read_public_address(settings)
    api.add_middleware(Vary)
    api.add_middleware(Compression)
    api.add_middleware(
        ExplainTooLarge,
        paths=r"/search/by-audio",
        field=("file",),
        message=f"the request has more than {settings.clip_max_bytes} bytes: send a shorter clip (CLIP_MAX_BYTES)",
    )
    api.add_middleware(
        ExplainTooLarge,
        paths=r"/tracks(/\d+/audio)?",
        field=("audio",),
        message=f"the request has more than {settings.upload_max_bytes} bytes: send a smaller file (UPLOAD_MAX_BYTES)",
    )
    api.add_middleware(
        ExplainTooLarge,
        paths=r"/tracks/\d+",
        field=(),
        message=f"the request has more than {MAX_BODY_BYTES} bytes",
    )
    api.add_middleware(
        BodyRate, bytes_per_second=settings.http_body_bytes_per_second, seconds=settings.http_body_seconds
    )
    api.add_middleware(
        RateLimit,
        limits=RateLimits(
            searches=settings.rate_limit_searches,
            costly=settings.rate_limit_costly,
            exempt=exempt,
        ),
    )
    api.add_middleware(RequestLog, log_queries=settings.log_queries)
    # what is added last sees every answer, refusals included
    if origins is not None:
        allow_origins(api, origins)
    api.add_middleware(SecurityHeaders, media_origin=None if public is None else public.origin)
    api.add_exception_handler(DatabaseUnavailableError, _answer_unavailable)
    api.add_exception_handler(ReadOnlyDatabaseError, _answer_read_only)
    api.add_exception_handler(AudioStoreError, _answer_storeless)
    api.add_exception_handler(IntegrityError, _answer_refused)
    api.add_exception_handler(DBAPIError, _answer_busy)
    api.add_exception_handler(StatementTimeoutError, _answer_late)
    api.add_exception_handler(RequestValidationError, answer_invalid)
    api.add_exception_handler(HTTPException, answer_hidden)
    for module in (
        search_routes,
        # before the tracks: /tracks/tags is no track
        tags,
        tracks,
        track_match,
        track_events,
        recommended_tags,
        audio,
        me,
        models,
        library_map,
        health,
        metrics,
        page,
        api_description,
    ):
        api.include_router(module.router, max_body_size=MAX_BODY_BYTES)
    api.include_router(clip.router, max_body_size=settings.clip_max_bytes)
    api.include_router(uploads.router, max_body_size=settings.upload_max_bytes)
    api.mount("/web", StaticFiles(directory=page.WEB_DIR), name="web")
    return api


async def _answer_unavailable(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, CatalogueReleasedError):
        detail = "the catalogue is being changed, and search is released from it: try again in a minute"
        return JSONResponse({"detail": detail, "code": "released"}, status_code=503, headers={"retry-after": "60"})
    busy = isinstance(error, ConnectionsBusyError)
    reason = "too many requests of this kind are under way" if busy else "the database cannot be reached at the moment"
    return JSONResponse(
        {"detail": f"{reason}: try again in a few seconds"}, status_code=503, headers={"retry-after": "5"}
    )


async def _answer_busy(_request: Request, error: Exception) -> JSONResponse:
    """503 where the server has given a statement up, and the same request may succeed; other errors pass."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    reason = _GIVEN_UP.get(type(cause))  # type: ignore[arg-type]  # None is no key either
    if reason is None:
        raise error
    _log.warning("a statement was given up: %s", type(cause).__name__)
    return _ask_again(reason)


async def _answer_late(_request: Request, error: Exception) -> JSONResponse:
    _log.warning("a statement was cancelled: %s", error)
    return _ask_again(_TOO_SLOW)


def _ask_again(reason: str) -> JSONResponse:
    return JSONResponse(
        {"detail": f"{reason}: try again in a few seconds"}, status_code=503, headers={"retry-after": "2"}
    )


async def _answer_read_only(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=503)


async def _answer_refused(_request: Request, error: Exception) -> JSONResponse:
    # the first line names columns and constraints, the others would have values of the row
    reason = str(error.orig).partition("\n")[0] if isinstance(error, IntegrityError) else ""
    _log.warning("the catalogue does not take a change: %s", reason)
    return JSONResponse(
        {"detail": f"the catalogue does not take this ({reason}): use the application that it belongs to"},
        status_code=409,
    )


async def _answer_storeless(_request: Request, error: Exception) -> JSONResponse:
    # which setting is wrong is for whoever runs the service
    _log.error("audio cannot be served: %s", error)
    return JSONResponse(
        {"detail": "the audio store cannot be reached at the moment: try again in a few seconds"},
        status_code=503,
        headers={"retry-after": "5"},
    )
