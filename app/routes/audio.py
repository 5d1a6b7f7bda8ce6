"""Audio files."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import FileResponse

from app.database import guard_connection, load_query
from app.routes.search import UNAVAILABLE
from app.state import State
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


@router.head("/audio/{file_id}", include_in_schema=False)
@router.get(
    "/audio/{file_id}",
    response_class=FileResponse,
    summary="Play a recording",
    responses={
        200: {"description": "The whole file.", "content": {"audio/*": {}}},
        206: {"description": "The bytes that the Range header asked for."},
        404: {"description": "No track that the viewer may play has this audio."},
        416: {"description": "The range lies outside the file."},
        **UNAVAILABLE,
    },
)
async def play_audio(
    state: State,
    file_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,128}$", examples=["a1b2c3d4e5f67890"])],
) -> FileResponse:
    """The audio with this ``file_id``, whole or in ranges, for tracks that everybody may play."""
    with guard_connection():
        async with state.engine.connect() as connection:
            track = (await connection.execute(load_query("playable_track"), {"file_id": file_id})).one_or_none()
    # supporters-only and private audio looks absent to a viewer who is not known to be entitled
    if track is None or track.visibility not in {"public", "unlisted"}:
        raise HTTPException(404, "no such audio")
    try:
        stored = state.providers.audio_store.locate(file_id, track.file_type)
    except AudioMissingError as error:
        raise HTTPException(404, "the audio file is missing from the store") from error
    return FileResponse(
        stored.path,
        media_type=_MEDIA_TYPES.get(track.file_type, "application/octet-stream"),
        headers={"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"},
    )
