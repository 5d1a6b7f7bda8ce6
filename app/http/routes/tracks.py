"""Tracks that are there: look at one, change it, delete it, and what sounds like it."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from app.auth import Caller
from app.catalogue import (
    TrackChanges,
    TrackRecord,
    UnusableNameError,
    change_track,
    clean_tags,
    clean_title,
    delete_track,
    read_track,
)
from app.http.dependencies import ApiState, State, Uploader, Viewer
from app.http.documented import INVALID_TOKEN, LACKING_SCOPE, NOT_FOUND, REFUSED, UNAVAILABLE, UNREADABLE
from app.http.refusal import refuse_field
from app.http.routes.search import TRACK_EXAMPLE, Neighbour, VectorBackend, VectorFallback, neighbours, vector_backend
from app.http.track_response import TrackResponse, Visibility, show_track
from app.http.watched_route import WatchedRoute
from app.search import UnknownTrackError

router = APIRouter(prefix="/tracks", tags=["tracks"], route_class=WatchedRoute)

Cleaned = TypeVar("Cleaned")
Raw = TypeVar("Raw")

TrackId = Annotated[int, Path(ge=1, examples=[76])]


class TrackPatch(BaseModel):
    """What is to be different; what is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"title": "Ambient Waves II", "tags": ["ambient", "tape"]}]}
    )

    title: str | None = Field(default=None, description="What it is called.")
    tags: list[str] | None = Field(default=None, description="All its tags.")
    album: str | None = Field(default=None, description="Title of an album of the artist; null for no album.")
    visibility: Visibility | None = Field(default=None, description="Who may find it.")


class SimilarResponse(BaseModel):
    """Neighbours of a track by sound."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "track_id": 76,
                    "results": [TRACK_EXAMPLE | {"near_duplicate": False}],
                    "available": True,
                    "vector_backend": "pgvector",
                    "vector_fallback": False,
                }
            ]
        }
    )

    track_id: int
    results: list[Neighbour]
    available: bool = Field(description="False while the track has no vector, or when the viewer gets no sound.")
    vector_backend: VectorBackend
    vector_fallback: VectorFallback


async def find_visible(state: State, viewer: Viewer, track_id: TrackId) -> TrackRecord:
    """A track that the viewer may see.

    Raises:
        HTTPException: 404, there is none.
    """
    track = await read_visible(state, viewer, track_id)
    if track is None:
        raise HTTPException(404, "no such track")
    return track


async def read_visible(state: ApiState, viewer: str | None, track_id: int) -> TrackRecord | None:
    """A track, if there is one that the viewer may see at the moment."""
    track = await read_track(state.database, track_id, viewer)
    return track if track is not None and track.visible else None


VisibleTrack = Annotated[TrackRecord, Depends(find_visible)]
"""Parameter type of an endpoint on one track that people look at."""


@router.get(
    "/{track_id}",
    responses={**INVALID_TOKEN, **NOT_FOUND, **UNAVAILABLE},
    summary="A track and the state of its processing",
)
async def show(viewer: Viewer, track: VisibleTrack) -> TrackResponse:
    """A track, and how far its embedding and its classification are.

    A private track is there for its artist alone; an unlisted one for everybody who has its number.
    """
    return show_track(track, to_its_artist=track.artist_did == viewer)


@router.patch(
    "/{track_id}",
    responses={
        **UNREADABLE,
        **LACKING_SCOPE,
        **NOT_FOUND,
        **REFUSED,
        413: {"description": "The body is larger than 64 KiB."},
        **UNAVAILABLE,
    },
    summary="Change a track",
)
async def change(state: State, caller: Uploader, track_id: TrackId, patch: TrackPatch) -> TrackResponse:
    """Change a track's title, tags, album or visibility; searches see it as of this answer."""
    await find_changeable(state, caller, track_id)
    await change_track(state.writes_database, track_id, _read_changes(patch))
    track = await read_track(state.database, track_id)
    if track is None:
        raise HTTPException(404, "the track was deleted meanwhile")
    return show_track(track, to_its_artist=True)


@router.delete(
    "/{track_id}",
    status_code=204,
    responses={**LACKING_SCOPE, **NOT_FOUND, **REFUSED, **UNAVAILABLE},
    summary="Delete a track",
)
async def delete(state: State, caller: Uploader, track_id: TrackId) -> None:
    """Delete a track; its audio goes some hours later, when no other track uses it (UNUSED_AUDIO_HOURS)."""
    await find_changeable(state, caller, track_id)
    await delete_track(state.writes_database, track_id)


@router.get(
    "/{track_id}/similar",
    responses={**INVALID_TOKEN, **NOT_FOUND, **UNAVAILABLE},
    summary="Tracks that sound like this one",
)
async def find_similar_tracks(
    state: State,
    viewer: Viewer,
    track_id: TrackId,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> SimilarResponse:
    """Neighbours of a track by sound, the nearest first, without itself; other encodings of it are marked."""
    try:
        answer = await state.search.similar(track_id, limit=limit, viewer=viewer)
    except UnknownTrackError as error:
        raise HTTPException(404, "no such track") from error
    return SimilarResponse(
        track_id=track_id, results=neighbours(answer), available=answer.available, **vector_backend(answer)
    )


async def find_changeable(state: ApiState, caller: Caller, track_id: int) -> TrackRecord:
    """A track that the caller may change.

    Raises:
        HTTPException: 404 for none, or one that he may not even find; 403 for somebody else's.
    """
    track = await read_track(state.database, track_id, caller.did)
    if track is None:
        raise HTTPException(404, "no such track")
    if not caller.may_change(track.artist_did):
        if not track.visible:
            raise HTTPException(404, "no such track")
        raise HTTPException(403, "the track is somebody else's")
    return track


def clean_field(name: str, value: Raw, clean: Callable[[Raw], Cleaned]) -> Cleaned:
    """A field of a request in the form in which it is kept.

    Raises:
        HTTPException: 422, naming the field.
    """
    try:
        return clean(value)
    except UnusableNameError as error:
        raise refuse_field("unusable", ("body", name), str(error)) from error


def _read_changes(patch: TrackPatch) -> TrackChanges:
    changes = TrackChanges()
    given = patch.model_fields_set
    for name in given - {"album"}:
        if getattr(patch, name) is None:
            raise refuse_field("null", ("body", name), "leave it out to keep it as it is")
    if patch.title is not None:
        changes["title"] = clean_field("title", patch.title, clean_title)
    if patch.tags is not None:
        changes["tags"] = clean_field("tags", patch.tags, clean_tags)
    if patch.visibility is not None:
        changes["visibility"] = patch.visibility
    if "album" in given:
        changes["album"] = None if patch.album is None else clean_field("album", patch.album, clean_title)
    return changes
