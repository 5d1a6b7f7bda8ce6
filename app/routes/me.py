"""Whose token it is."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.auth import Reader, Scope
from app.routes.search import UNAVAILABLE

router = APIRouter(tags=["identity"])


class MeResponse(BaseModel):
    """Who a token speaks for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "did": "did:plc:artist",
                    "handle": "artist.example",
                    "display_name": "Artist Name",
                    "scopes": ["upload"],
                    "expires_at": None,
                }
            ]
        }
    )

    did: str | None = Field(description="The artist; null for an administrator who is none.")
    handle: str | None
    display_name: str | None
    scopes: list[Scope] = Field(description="What the token allows; each includes those before: read, upload, admin.")
    expires_at: datetime | None


@router.get(
    "/me",
    responses={401: {"description": "There is no token, or none that is valid."}, **UNAVAILABLE},
    summary="Whose token is this?",
)
async def show_caller(caller: Reader) -> MeResponse:
    """For whom the token speaks, and what it allows."""
    return MeResponse(
        did=caller.did,
        handle=caller.handle,
        display_name=caller.display_name,
        scopes=list(caller.scopes),
        expires_at=caller.expires_at,
    )
