"""The state of a track's processing, as it changes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.catalogue import TrackRecord
from app.errors import DatabaseUnavailableError
from app.http.dependencies import ApiState, State, Viewer
from app.http.documented import INVALID_TOKEN, NOT_FOUND, UNAVAILABLE
from app.http.routes.tracks import VisibleTrack, read_visible
from app.http.track_response import show_track

router = APIRouter(prefix="/tracks", tags=["tracks"])

_LOOK_SECONDS = 0.3
_LONGEST_SECONDS = 600.0
"""After so long a client has to ask again: what is behind it may have gone away without a word."""

_RETRY_SECONDS = 10

_UNFINISHED = {"queued", "running"}


async def open_stream(state: State) -> AsyncIterator[AsyncExitStack]:
    """Hold one of the process's places for streams, because each stream polls the database.

    Closing what it yields frees the place before the response is over.

    Raises:
        HTTPException: 503, all are taken.
    """
    if state.event_streams.locked():
        raise HTTPException(503, "too many streams are open: try again", headers={"retry-after": str(_RETRY_SECONDS)})
    async with AsyncExitStack() as place:
        await place.enter_async_context(state.event_streams)
        yield place


@router.get(
    "/{track_id}/events",
    response_class=EventSourceResponse,
    responses={
        **INVALID_TOKEN,
        **NOT_FOUND,
        **UNAVAILABLE,
        503: UNAVAILABLE[503] | {"description": "Postgres cannot be reached, or EVENT_STREAMS streams are open."},
    },
    summary="The state of a track's processing, live",
)
async def follow_track(
    request: Request,
    state: State,
    viewer: Viewer,
    place: Annotated[AsyncExitStack, Depends(open_stream)],
    track: VisibleTrack,
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events while a track's tasks wait and run.

    The event `track` has the track, as `GET /tracks/{track_id}`, now and whenever its processing has changed; `end`
    says that nothing more is to come. A lost connection may simply be made again.
    """
    ends = time.monotonic() + _LONGEST_SECONDS
    shown: object = None
    current: TrackRecord | None = track
    while current is not None and time.monotonic() < ends and not await request.is_disconnected():
        if (current.file_id, current.tasks) != shown:
            shown = (current.file_id, current.tasks)
            body = show_track(current, to_its_artist=current.artist_did == viewer)
            yield ServerSentEvent(event="track", data=body)
        if not any(task.state in _UNFINISHED for task in current.tasks):
            break
        await asyncio.sleep(_LOOK_SECONDS)
        current = await _look_again(state, viewer, current)
    # a client that has read the end may open its next stream at once
    await place.aclose()
    yield ServerSentEvent(event="end", data={"deleted": current is None})


async def _look_again(state: ApiState, viewer: str | None, track: TrackRecord) -> TrackRecord | None:
    """The track as it is now; None once it is gone, or hidden from who looks."""
    try:
        return await read_visible(state, viewer, track.id)
    except DatabaseUnavailableError:
        # the answer has begun, and a status cannot be sent any more: what was known stays true until it is back
        return track
