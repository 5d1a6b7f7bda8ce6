"""Who holds a token."""

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from app.auth import Scope
from app.database.tables import Artist
from app.http.dependencies import Reader, State
from app.http.documented import INVALID_TOKEN, UNAVAILABLE
from app.http.watched_route import WatchedRoute

router = APIRouter(tags=["identity"], route_class=WatchedRoute)


class MeResponse(BaseModel):
    """The holder of a token, and what it permits."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "did": "did:plc:yud5dj77ui2s53tqckvnbgu2",
                    "handle": "ines-valdoro.example",
                    "display_name": "Ines Valdoro",
                    "scopes": ["read", "upload"],
                    "expires_at": None,
                }
            ]
        }
    )

    did: str | None = Field(description="The artist; null for an admin token that is nobody's in particular.")
    handle: str | None
    display_name: str | None
    scopes: list[Scope] = Field(description="What the token permits: read, upload, admin, with all that is included.")
    expires_at: datetime | None = Field(description="When the token ends; null if it does not.")


@router.get("/me", responses=INVALID_TOKEN | UNAVAILABLE, summary="Who is this token for?")
async def me(state: State, caller: Reader, response: Response) -> MeResponse:
    """The artist as whom the holder of the token is recognised."""
    response.headers["cache-control"] = "private, no-store"
    names = select(Artist.handle, Artist.display_name).where(Artist.did == caller.did)
    artist = await state.database.one_or_none(names)
    return MeResponse(
        did=caller.did,
        handle=None if artist is None else artist.handle,
        display_name=None if artist is None else artist.display_name,
        scopes=[scope for scope in Scope if caller.has(scope)],
        expires_at=caller.expires_at,
    )
