"""Tags as they are typed."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.http.dependencies import State
from app.http.documented import UNAVAILABLE
from app.http.watched_route import WatchedRoute

router = APIRouter(prefix="/tracks", tags=["tracks"], route_class=WatchedRoute)


class TagCount(BaseModel):
    """A tag."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "ambient", "track_count": 12}]})

    name: str
    track_count: int = Field(description="Listed tracks that have it.")


@router.get("/tags", responses=UNAVAILABLE, summary="Complete a tag")
async def complete_tag(
    state: State,
    q: Annotated[str, Query(max_length=100, description="How the name begins. Empty: any tag.", examples=["am"])] = "",
    limit: Annotated[int, Query(ge=1, le=100, description="Tags at most.")] = 20,
) -> list[TagCount]:
    """Tags whose names begin with `q`, those on most tracks first. Tags that no listed track has are left out."""
    # Postgres has no NUL in text, and no tag contains one
    rows = await state.database.all("complete_tag", {"prefix": q.replace("\0", ""), "k": limit})
    return [TagCount(name=row.name, track_count=row.track_count) for row in rows]
