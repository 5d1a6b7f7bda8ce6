"""Uploading audio: new tracks, and other audio for tracks that are there.

The router is included with a limit on the size of requests.
"""

from typing import Annotated

from fastapi import APIRouter, File, Form, HTTPException, Request, Response, UploadFile

from app.auth import Caller
from app.catalogue import (
    AudioGoneError,
    NewTrack,
    ReceivedAudio,
    StoreFullError,
    TrackRecord,
    UnknownArtistError,
    clean_tags,
    clean_title,
    create_track,
    read_track,
    replace_audio,
)
from app.http.authorised_route import AuthorisedRoute
from app.http.client_gone import Client, while_connected
from app.http.dependencies import ApiState, State, Uploader
from app.http.documented import LACKING_SCOPE, NO_ROOM, NOT_FOUND, REFUSED, TOO_LARGE, UNAVAILABLE, UNREADABLE
from app.http.refusal import refuse_field
from app.http.routes.tracks import TrackId, clean_field, find_changeable
from app.http.track_response import TrackResponse, Visibility, show_track
from models.audio.decoding import AudioError
from services.audio_store import ReadOnlyStoreError

router = APIRouter(prefix="/tracks", tags=["tracks"], route_class=AuthorisedRoute)

_TOO_SLOW = "the upload took so long that its audio was removed again: try again"

Audio = Annotated[UploadFile, File(description="mp3, flac, ogg, opus, m4a, wav, aiff, aac or webm, by its content.")]


@router.post(
    "",
    status_code=201,
    responses={**UNREADABLE, **LACKING_SCOPE, **REFUSED, **TOO_LARGE, **UNAVAILABLE, **NO_ROOM},
    summary="Upload a track",
)
async def upload_track(  # noqa: PLR0913, PLR0917 - the fields of a form
    request: Request,
    state: State,
    caller: Uploader,
    response: Response,
    audio: Audio,
    title: Annotated[str, Form(description="What it is called.")],
    tags: Annotated[list[str] | None, Form(description="Each a tag, or several with commas between them.")] = None,
    album: Annotated[str | None, Form(description="Title of an album of the artist; made where there is none.")] = None,
    visibility: Annotated[Visibility, Form()] = "public",
    auto_tag: Annotated[bool, Form(description="Whether the genres that are found become tags.")] = False,
    artist_did: Annotated[str | None, Form(description="Whose track it is, where that is not the caller.")] = None,
) -> TrackResponse:
    """Store the audio, insert the track and enqueue its jobs: the answer comes when all of that is safe.

    The track is found by name at once, and by sound when its jobs are done.
    """
    new = _read_fields(caller, artist_did, title, tags or [], album, visibility, auto_tag=auto_tag)
    received = await while_connected(Client.after_body(request), _receive(state, audio))
    try:
        track_id = await create_track(state.writes_database, new, received)
    except AudioGoneError as error:
        raise HTTPException(503, _TOO_SLOW) from error
    except UnknownArtistError as error:
        raise refuse_field("unknown_artist", ("body", "artist_did"), f"there is no artist {error}") from error
    response.headers["location"] = f"/tracks/{track_id}"
    return await _show(state, track_id)


@router.put(
    "/{track_id}/audio",
    responses={**UNREADABLE, **LACKING_SCOPE, **NOT_FOUND, **REFUSED, **TOO_LARGE, **UNAVAILABLE, **NO_ROOM},
    summary="Replace a track's audio",
)
async def upload_audio(
    request: Request, state: State, caller: Uploader, track_id: TrackId, audio: Audio
) -> TrackResponse:
    """Give a track other audio: what was learnt from the former goes, and both jobs are enqueued anew."""
    await find_changeable(state, caller, track_id)
    received = await while_connected(Client.after_body(request), _receive(state, audio))
    try:
        replaced = await replace_audio(state.writes_database, track_id, received)
    except AudioGoneError as error:
        raise HTTPException(503, _TOO_SLOW) from error
    if not replaced:
        raise HTTPException(404, "no such track")
    return await _show(state, track_id)


def _read_fields(  # noqa: PLR0913, PLR0917 - the fields of a form
    caller: Caller,
    artist_did: str | None,
    title: str,
    tags: list[str],
    album: str | None,
    visibility: Visibility,
    *,
    auto_tag: bool,
) -> NewTrack:
    artist = artist_did or caller.did
    if artist is None:
        raise refuse_field("missing", ("body", "artist_did"), "this token is nobody's own: say whose track it is")
    if not caller.may_change(artist):
        raise HTTPException(403, "an artist uploads only his own tracks: leave artist_did out")
    return NewTrack(
        artist_did=artist,
        title=clean_field("title", title, clean_title),
        tags=clean_field("tags", tags, clean_tags),
        album=clean_field("album", album, clean_title) if album and album.strip() else None,
        visibility=visibility,
        auto_tag=auto_tag,
    )


async def _receive(state: ApiState, audio: UploadFile) -> ReceivedAudio:
    try:
        return await state.intake.receive(audio.file)
    except AudioError as error:
        raise refuse_field("audio", ("body", "audio"), str(error), audio.filename) from error
    except ReadOnlyStoreError as error:
        raise HTTPException(503, str(error)) from error
    except StoreFullError as error:
        raise HTTPException(507, "the audio store is full: tell whoever runs this server") from error


async def _show(state: ApiState, track_id: int) -> TrackResponse:
    track: TrackRecord | None = await read_track(state.database, track_id)
    if track is None:
        raise HTTPException(404, "the track was deleted meanwhile")
    return show_track(track, to_its_artist=True)
