"""What the endpoints share for the life of the web process."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncEngine

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


def get_state(request: Request) -> ApiState:
    """The state of the application that got the request."""
    return cast("ApiState", request.app.state.api)


State = Annotated[ApiState, Depends(get_state)]
"""Parameter type by which an endpoint asks for the shared state."""


def get_viewer(request: Request, response: Response, state: State) -> str | None:
    """DID of who is asking, from the header of VIEWER_HEADER; None for somebody unknown.

    A header that came twice is believed neither time: one of the two may be the client's own.
    """
    name = state.settings.viewer_header
    if name is None:
        return None
    response.headers["vary"] = name
    values = request.headers.getlist(name)
    return values[0].strip() or None if len(values) == 1 else None


Viewer = Annotated[str | None, Depends(get_viewer)]
"""Parameter type by which an endpoint asks who is there."""
