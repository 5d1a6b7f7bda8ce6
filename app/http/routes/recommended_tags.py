"""Tags that a track might get."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from app.catalogue.recommended_tags import await_recommended_tags, read_recommended_tags
from app.http.dependencies import State, Viewer
from app.http.documented import INVALID_TOKEN, NOT_FOUND, UNAVAILABLE
from app.http.routes.tracks import TrackId
from app.http.watched_route import WatchedRoute

router = APIRouter(prefix="/tracks", tags=["tracks"], route_class=WatchedRoute)


class RecommendedTag(BaseModel):
    """A genre that the track may belong to."""

    name: str
    score: float = Field(description="How sure the model is, 0 to 1.")


class RecommendedTagsResponse(BaseModel):
    """Tags that a track might get, the surest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"track_id": 76, "tags": [{"name": "techno", "score": 0.87}], "available": True},
            ]
        }
    )

    track_id: int
    tags: list[RecommendedTag]
    available: bool = Field(description="False where nobody names genres (GENRE_PROVIDER).")


@router.get(
    "/{track_id}/recommended-tags",
    responses={**INVALID_TOKEN, **NOT_FOUND, **UNAVAILABLE},
    summary="Tags that a track might get",
)
async def recommend_tags(
    state: State,
    viewer: Viewer,
    track_id: TrackId,
    limit: Annotated[int, Query(ge=1, le=50, description="Tags at most.")] = 5,
) -> RecommendedTagsResponse:
    """Genres that were found in a track's audio, without the tags that it has.

    A track that was not classified yet is classified now, and waited for, RECOMMENDED_TAGS_WAIT_SECONDS at most. No
    tags with `available: true` mean that it takes longer, that nothing was found, or that it cannot be classified.
    """
    found = await read_recommended_tags(state.database, track_id, limit, viewer)
    if found is None or not found.visible:
        raise HTTPException(404, "no such track")
    available = state.providers.genres is not None
    if available and not found.classified:
        seconds = state.settings.recommended_tags_wait_seconds
        classified = await await_recommended_tags(
            state.database, track_id, limit, viewer, seconds, writes=state.writes_database
        )
        found = classified or found
    tags = [RecommendedTag.model_validate(tag) for tag in found.tags] if available else []
    return RecommendedTagsResponse(track_id=track_id, tags=tags, available=available)
