"""What the endpoints share for the life of the web process."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from app.catalogue import AudioIntake
from app.providers import Providers
from app.search import ClipReader, Search, ServingModel
from app.settings import Settings


@dataclass(frozen=True)
class ApiState:
    """Made when the process starts, closed when it stops."""

    settings: Settings
    url: str
    engine: AsyncEngine
    providers: Providers
    serving: ServingModel
    search: Search
    clips: ClipReader
    intake: AudioIntake


def get_state(request: Request) -> ApiState:
    """The state of the application that got the request."""
    return cast("ApiState", request.app.state.api)


State = Annotated[ApiState, Depends(get_state)]
"""Parameter type by which an endpoint asks for the shared state."""
