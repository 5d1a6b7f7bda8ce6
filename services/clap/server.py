"""The service as a web application, for any machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from services.clap.contract import AudioEmbeddings, AudioRequest, Embedding, Health, TextEmbeddings, TextRequest
from services.clap.limits import Limits, RefusedError
from services.clap.service import EmbeddingService
from services.invalid_request import answer_invalid
from services.request_size import EXPLAINED, ExplainTooLarge
from services.slow_clients import BodyRate

_RETRY_SECONDS = "2"


def create_clap_api(service: EmbeddingService, limits: Limits) -> FastAPI:
    """The application: `POST /embed_text`, `POST /embed_audio` and `GET /healthz`.

    Args:
        service: What it answers with; loaded when the application starts, closed when it stops.
        limits: Larger requests are refused before they are read to their end.
    """

    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(service.load)
        yield
        service.close()

    api = FastAPI(title="vibe-search CLAP service", lifespan=lifespan, docs_url=None, redoc_url=None)
    api.include_router(_routes(service), max_body_size=limits.max_body_bytes)
    api.add_exception_handler(RefusedError, answer_refusal)
    api.add_exception_handler(RequestValidationError, answer_invalid)
    api.add_middleware(BodyRate)
    api.add_middleware(
        ExplainTooLarge,
        paths=r"/embed_(text|audio)",
        field=(),
        message=f"the recordings of a request may have {limits.max_bytes} bytes all together (CLAP_MAX_BYTES)",
    )
    return api


def _routes(service: EmbeddingService) -> APIRouter:
    router = APIRouter()
    refusals: dict[int | str, dict[str, object]] = {
        413: {"description": "The request, or a recording, is too large or too long."},
        408: {"description": "The request comes in too slowly."},
        503: {"description": "CLAP_CONCURRENCY requests are being worked on already, or a decoder crashed."},
    }

    # plain functions: the framework runs them in threads, and the event loop stays free for /healthz
    @router.post("/embed_text", responses=refusals, summary="The vector of a text, or of several")
    def embed_text(request: TextRequest) -> Embedding | TextEmbeddings:
        """Vectors of length 1."""
        return service.embed_text(request)

    @router.post("/embed_audio", responses=refusals, summary="The vector of a recording, or of several")
    def embed_audio(request: AudioRequest) -> Embedding | AudioEmbeddings:
        """Vectors of length 1, of whole recordings."""
        return service.embed_audio(request)

    @router.get("/healthz", summary="Which model answers?")
    async def healthz() -> Health:
        """The service is up, and its model is loaded."""
        return service.health()

    return router


async def answer_refusal(request: Request, error: Exception) -> JSONResponse:
    """A refusal as an HTTP answer."""
    if not isinstance(error, RefusedError):
        raise error
    request.scope[EXPLAINED] = True
    headers = {"retry-after": _RETRY_SECONDS} if error.status == 503 else None
    return JSONResponse({"detail": error.detail}, error.status, headers)
