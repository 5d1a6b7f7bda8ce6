"""Search by a clip of audio. The router is included with a limit on the size of requests."""

from typing import Annotated

from fastapi import APIRouter, File, Form, HTTPException, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from app.http.dependencies import ApiState, State, Viewer
from app.http.documented import INVALID_TOKEN, UNAVAILABLE, UNREADABLE
from app.http.routes.search import TRACK_EXAMPLE, Neighbour, VectorBackend, VectorFallback, neighbours, vector_backend
from app.http.watched_route import WatchedRoute, only_reads
from app.search import Answer, BusyError, ClipVector
from models.audio.decoding import AudioError

router = APIRouter(prefix="/search", tags=["search"], route_class=WatchedRoute)

_RETRY_SECONDS = 2


class ClipResponse(BaseModel):
    """Tracks that sound like a clip."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "results": [TRACK_EXAMPLE | {"near_duplicate": False}],
                    "available": True,
                    "vector_backend": "pgvector",
                    "vector_fallback": False,
                }
            ]
        }
    )

    results: list[Neighbour]
    available: bool = Field(description="False when the clip could not be compared with the tracks.")
    vector_backend: VectorBackend
    vector_fallback: VectorFallback


@router.post(
    "/by-audio",
    responses={
        **UNREADABLE,
        **INVALID_TOKEN,
        413: {"description": "The request is larger than CLIP_MAX_BYTES."},
        429: UNAVAILABLE[429],
        503: UNAVAILABLE[503] | {"description": "Postgres cannot be reached, or too many clips come at once."},
    },
    summary="Search tracks by a clip of audio",
)
@only_reads
async def search_by_audio(
    state: State,
    viewer: Viewer,
    file: Annotated[UploadFile, File(description="mp3, flac, ogg, opus, m4a or wav.")],
    limit: Annotated[int, Form(ge=1, le=50)] = 10,
) -> ClipResponse:
    """Tracks nearest to a clip by sound: the track that it is from, then its neighbours.

    Of a long clip only the first CLIP_MAX_SECONDS are compared.
    """
    answer = await _search(state, viewer, file, limit)
    return ClipResponse(results=neighbours(answer), available=answer.available, **vector_backend(answer))


async def _search(state: ApiState, viewer: str | None, file: UploadFile, limit: int) -> Answer:
    nothing = Answer([], available=False, milliseconds=0.0)
    if not state.search.semantic_enabled_for(viewer):
        return nothing
    clip = await file.read()
    embedded = await _embed_clip(state, clip, file.filename)
    if embedded is None:
        return nothing
    answer = await state.search.by_vector(embedded.vector, embedded.identity, limit=limit, viewer=viewer)
    serving = state.serving.provider
    if serving is None or serving.card.identity == embedded.identity:
        return answer
    # another model serves since the clip was embedded
    embedded = await _embed_clip(state, clip, file.filename)
    return (
        nothing
        if embedded is None
        else await state.search.by_vector(embedded.vector, embedded.identity, limit=limit, viewer=viewer)
    )


async def _embed_clip(state: ApiState, clip: bytes, filename: str | None) -> ClipVector | None:
    try:
        return await state.clips.embed(clip)
    except BusyError as error:
        raise HTTPException(
            503, "too many clips are being embedded: try again", headers={"retry-after": str(_RETRY_SECONDS)}
        ) from error
    except AudioError as error:
        detail = {"type": "audio", "loc": ["body", "file"], "msg": str(error), "input": filename}
        raise HTTPException(422, [detail]) from error
