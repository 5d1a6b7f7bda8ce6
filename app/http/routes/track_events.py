"""The state of a track's processing, as it changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.catalogue import TrackRecord
from app.http.dependencies import State, Viewer
from app.http.documented import INVALID_TOKEN, NOT_FOUND, UNAVAILABLE
from app.http.routes.tracks import VisibleTrack
from app.http.stream_places import StreamsFullError
from app.http.track_response import show_track
from services.metrics import STREAMS

router = APIRouter(prefix="/tracks", tags=["tracks"])

_LONGEST_SECONDS = 600.0
"""After so long a client has to ask again: what is behind it may have gone away without a word."""

_RETRY_SECONDS = 10

_UNFINISHED = {"queued", "running", "waiting"}


async def open_stream(request: Request, state: State) -> AsyncIterator[ExitStack]:
    """Hold one of the process's places for streams.

    Closing what it yields frees the place before the response is over.

    Raises:
        HTTPException: 503, all are taken; 429, the client's address has its share.
    """
    with ExitStack() as place:
        try:
            place.enter_context(state.event_streams.take(request.scope))
        except StreamsFullError as error:
            status = 429 if error.of_address else 503
            raise HTTPException(status, f"{error}: try again", headers={"retry-after": str(_RETRY_SECONDS)}) from error
        place.enter_context(STREAMS.track_inprogress())
        yield place


@router.get(
    "/{track_id}/events",
    response_class=EventSourceResponse,
    responses={
        **INVALID_TOKEN,
        **NOT_FOUND,
        **UNAVAILABLE,
        429: {"description": "The address has sent too many requests, or has EVENT_STREAMS_PER_ADDRESS streams open."},
        503: UNAVAILABLE[503] | {"description": "Postgres cannot be reached, or EVENT_STREAMS streams are open."},
    },
    summary="The state of a track's processing, live",
)
async def follow_track(
    state: State,
    viewer: Viewer,
    place: Annotated[ExitStack, Depends(open_stream)],
    track: VisibleTrack,
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events while a track's tasks wait and run.

    The event `track` has the track, as `GET /tracks/{track_id}`, now and whenever its processing has changed; `end`
    says that nothing more is to come. A lost connection may simply be made again.
    """
    ends = asyncio.get_running_loop().time() + _LONGEST_SECONDS
    current: TrackRecord | None = track
    followed = place.enter_context(state.follower.follow(track, viewer))
    while current is not None:
        body = show_track(current, to_its_artist=current.artist_did == viewer)
        yield ServerSentEvent(event="track", data=body)
        if not any(task.state in _UNFINISHED for task in current.tasks):
            break
        try:
            async with asyncio.timeout_at(ends):
                current = await followed.change()
        except TimeoutError:
            break
    # a client that has read the end may open its next stream at once
    place.close()
    yield ServerSentEvent(event="end", data={"deleted": current is None})
