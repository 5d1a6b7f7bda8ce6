"""The map of the library."""

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from app.http.dependencies import State
from app.http.documented import UNAVAILABLE

router = APIRouter(tags=["search"])


class MapResponse(BaseModel):
    """Every track that everybody may find, and where it lies; columns of the same length."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ids": [76, 77],
                    "x": [1200, 65535],
                    "y": [0, 42000],
                    "genre": [0, -1],
                    "genres": ["ambient"],
                    "drawn_at": "2026-01-01T12:00:00Z",
                }
            ]
        }
    )

    ids: list[int] = Field(description="Tracks, by id.")
    x: list[int] = Field(description="0 to 65,535, from left to right.")
    y: list[int] = Field(description="0 to 65,535, from top to bottom.")
    genre: list[int] = Field(description="Place in `genres`; -1 for a track without one.")
    genres: list[str] = Field(description="Those that there are, the commonest first.")
    drawn_at: datetime | None = Field(description="When the map was drawn; null before the first time.")


@router.get("/map", responses=UNAVAILABLE, summary="The map of the library")
async def show_map(state: State, response: Response) -> MapResponse:
    """The catalogue as a picture, in which tracks that sound alike lie together; drawn anew as the catalogue grows."""
    # it is up to 100,000 rows, and changes every few minutes at most
    response.headers["cache-control"] = "private, max-age=60"
    row = await state.database.one("read_map")
    return MapResponse.model_construct(
        ids=row.ids, x=row.xs, y=row.ys, genre=row.genre_numbers, genres=row.genres, drawn_at=row.drawn_at
    )
