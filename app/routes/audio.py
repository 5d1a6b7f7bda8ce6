"""Audio files."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import FileResponse

from app.auth import Scope
from app.database import guard_connection, load_query
from app.routes.search import UNAVAILABLE
from app.state import INVALID_TOKEN, KnownCaller, State, Viewer
from services.audio_store import AudioMissingError

router = APIRouter(tags=["audio"])

_MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "m4a": "audio/mp4",
    "wav": "audio/wav",
}

_FOR_ALL = {"cache-control": "public, max-age=31536000, immutable"}
_FOR_ONE = {"cache-control": "private, no-store"}


@router.head("/audio/{file_id}", include_in_schema=False)
@router.get(
    "/audio/{file_id}",
    response_class=FileResponse,
    summary="Play a recording",
    responses={
        200: {"description": "The whole file.", "content": {"audio/*": {}}},
        206: {"description": "The bytes that the Range header asked for."},
        **INVALID_TOKEN,
        404: {"description": "No track that the viewer may play has this audio."},
        416: {"description": "The range lies outside the file."},
        **UNAVAILABLE,
    },
)
async def play_audio(
    state: State,
    viewer: Viewer,
    caller: KnownCaller,
    file_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,128}$", examples=["a1b2c3d4e5f67890"])],
) -> FileResponse:
    """The audio with this ``file_id``, whole or in ranges, of tracks that everybody may play, or the viewer may."""
    everything = caller is not None and caller.has(Scope.ADMIN)
    parameters = {"file_id": file_id, "viewer": viewer, "everything": everything}
    with guard_connection():
        async with state.engine.connect() as connection:
            track = (await connection.execute(load_query("playable_track"), parameters)).one_or_none()
    # supporters-only and private audio looks absent to a viewer who is not known to be entitled
    if track is None:
        raise HTTPException(404, "no such audio", headers=_FOR_ONE)
    try:
        stored = state.providers.audio_store.locate(file_id, track.file_type)
    except AudioMissingError as error:
        raise HTTPException(404, "the audio file is missing from the store") from error
    return FileResponse(
        stored.path,
        media_type=_MEDIA_TYPES.get(track.file_type, "application/octet-stream"),
        headers=(_FOR_ALL if track.open else _FOR_ONE) | {"x-content-type-options": "nosniff"},
    )
