"""Audio files."""

from collections.abc import Iterator
from typing import Annotated, BinaryIO

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from app.auth import Scope
from app.http.byte_range import RangeOutsideError, parse_range
from app.http.conditional import has_present, not_modified
from app.http.dependencies import KnownCaller, State, Viewer
from app.http.documented import INVALID_TOKEN, UNAVAILABLE
from services.audio_store import CACHED, AudioMissingError, Recording, StoredAudio, media_type

router = APIRouter(tags=["audio"])

_PIECE_BYTES = 512 * 1024
_FOR_ONE = "private, no-cache"
"""Those who may play what is kept back keep it, and ask before each use whether they still may."""

_NOT_KEPT = {"cache-control": "private, no-store"}


@router.head("/audio/{file_id}", include_in_schema=False)
@router.get(
    "/audio/{file_id}",
    response_class=FileResponse,
    summary="Play a recording",
    responses={
        200: {"description": "The whole file.", "content": {"audio/*": {}}},
        206: {"description": "The bytes that the Range header asked for."},
        304: {"description": "The client has the file already (If-None-Match), and may still play it."},
        307: {"description": "The file lies at another address, where everybody can fetch it."},
        **INVALID_TOKEN,
        404: {"description": "No track that the viewer may play has this audio."},
        416: {"description": "The range lies outside the file."},
        **UNAVAILABLE,
    },
)
async def play_audio(
    request: Request,
    state: State,
    viewer: Viewer,
    caller: KnownCaller,
    file_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,128}$", examples=["a1b2c3d4e5f67890"])],
) -> Response:
    """The audio with this ``file_id``, whole or in ranges, of tracks that everybody may play, or the viewer may."""
    everything = caller is not None and caller.has(Scope.ADMIN)
    parameters = {"file_id": file_id, "viewer": viewer, "everything": everything}
    track = await state.database.one_or_none("playable_track", parameters)
    # supporters-only and private audio looks absent to a viewer who is not known to be entitled
    if track is None:
        raise HTTPException(404, "no such audio", headers=_NOT_KEPT)
    recording = Recording(state.providers.audio_store, file_id, track.file_type, address=track.r2_url)
    headers = {"cache-control": CACHED if track.open else _FOR_ONE, "etag": f'"{file_id}"'}
    if has_present(request, headers["etag"]):
        return not_modified(headers)
    try:
        stored = await run_in_threadpool(recording.locate)
        if stored.path is not None:
            return FileResponse(stored.path, media_type=media_type(track.file_type), headers=headers)
        # an address that everybody can fetch from is not handed out for what only one may hear
        if stored.url is not None and track.open:
            return RedirectResponse(stored.url, status_code=307, headers={"cache-control": CACHED})
        return await _stream(request, recording, stored, headers)
    except AudioMissingError as error:
        raise HTTPException(404, "the audio file is missing from the store", headers=_NOT_KEPT) from error


async def _stream(request: Request, recording: Recording, stored: StoredAudio, headers: dict[str, str]) -> Response:
    """Pass audio on from the store, a piece at a time, each fetched in a thread when the client has taken the last."""
    headers = headers | {"accept-ranges": "bytes"}
    try:
        part = parse_range(request.headers.get("range"), stored.size)
    except RangeOutsideError as error:
        outside = {"content-range": f"bytes */{stored.size}", "accept-ranges": "bytes"}
        return PlainTextResponse(str(error), status_code=416, headers=outside)
    if request.headers.get("if-range", headers["etag"]) != headers["etag"]:
        part = None
    start, end = part or (0, stored.size)
    headers["content-length"] = str(end - start)
    if part is not None:
        headers["content-range"] = f"bytes {start}-{end - 1}/{stored.size}"
    kind, status = media_type(stored.file_type), 200 if part is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, media_type=kind, headers=headers)
    audio = await run_in_threadpool(recording.open)
    return StreamingResponse(_pieces(audio, start, end), status_code=status, media_type=kind, headers=headers)


def _pieces(audio: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    with audio:
        audio.seek(start)
        while start < end:
            piece = audio.read(min(_PIECE_BYTES, end - start))
            start += len(piece)
            yield piece
