"""What a track leads to."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from app.routes.search import TRACK_EXAMPLE, UNAVAILABLE, Neighbour, neighbours
from app.search import UnknownTrackError
from app.state import INVALID_TOKEN, State, Viewer

router = APIRouter(prefix="/tracks", tags=["tracks"])


class SimilarResponse(BaseModel):
    """Neighbours of a track by sound."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "track_id": 76,
                    "results": [TRACK_EXAMPLE | {"near_duplicate": False}],
                    "available": True,
                }
            ]
        }
    )

    track_id: int
    results: list[Neighbour]
    available: bool = Field(description="False while the track has no vector, or when the viewer gets no sound.")


@router.get(
    "/{track_id}/similar",
    responses={
        **INVALID_TOKEN,
        404: {"description": "There is no such track that the viewer may find."},
        **UNAVAILABLE,
    },
    summary="Tracks that sound like this one",
)
async def find_similar_tracks(
    state: State,
    viewer: Viewer,
    track_id: Annotated[int, Path(ge=1, examples=[76])],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> SimilarResponse:
    """Neighbours of a track by sound, the nearest first, without itself; other encodings of it are marked."""
    try:
        answer = await state.search.similar(track_id, limit=limit, viewer=viewer)
    except UnknownTrackError as error:
        raise HTTPException(404, "no such track") from error
    return SimilarResponse(track_id=track_id, results=neighbours(answer), available=answer.available)
