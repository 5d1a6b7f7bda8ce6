"""What is stored, and the names that content has."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from services.audio_store.errors import AudioMissingError

_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_CHUNK_BYTES = 1024 * 1024

_MEDIA_TYPES = {
    "aac": "audio/aac",
    "aif": "audio/aiff",
    "aiff": "audio/aiff",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "webm": "audio/webm",
}

CACHED = "public, max-age=300"
"""Cache-Control of audio that all may play: a copy is not served for much longer than the track may be played.

An id always stands for the same bytes, so a copy that is asked for again is usually still right.
"""


@dataclass(frozen=True)
class StoredAudio:
    """One file in a store.

    Attributes:
        file_id: sha-256 of the content in hexadecimal, or the id that an adopted catalogue gave it.
        file_type: Extension, without the dot.
        size: Bytes.
        stored_at: When it was last put there, with its time zone.
        path: Where it lies, if that is a folder of this machine.
        url: Address at which everybody can fetch it; None where there is none.
    """

    file_id: str
    file_type: str
    size: int
    stored_at: datetime
    path: Path | None = None
    url: str | None = None


def media_type(file_type: str) -> str:
    """What HTTP calls a type of file; one that is not known is just bytes."""
    return _MEDIA_TYPES.get(file_type.lower(), "application/octet-stream")


def file_name(file_id: str, file_type: str) -> str:
    """The name of a stored file.

    Raises:
        AudioMissingError: No stored file is called so; ids and types come from the database, where anyone may have
            written anything.
    """
    if not (_SAFE_NAME.fullmatch(file_id) and _SAFE_NAME.fullmatch(file_type)):
        raise AudioMissingError(f"{file_id}.{file_type} cannot be the name of a stored file")
    return f"{file_id}.{file_type}"


def split_name(name: str) -> tuple[str, str] | None:
    """Id and type of a name that ``file_name`` has made; None for any other."""
    file_id, _, file_type = name.partition(".")
    return (file_id, file_type) if _SAFE_NAME.fullmatch(file_id) and _SAFE_NAME.fullmatch(file_type) else None


def require_file_type(file_type: str) -> None:
    """See that a file of this type can be stored.

    Raises:
        ValueError: It cannot.
    """
    if not _SAFE_NAME.fullmatch(file_type):
        raise ValueError(f"file_type: {file_type!r} cannot be the extension of a stored file")


def hash_content(source: BinaryIO, *, copy_to: BinaryIO | None = None) -> str:
    """Read all that ``source`` still holds, once and in pieces; its sha-256 in hexadecimal.

    Args:
        source: What is read.
        copy_to: Where the same bytes are written, if anywhere.
    """
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        if copy_to is not None:
            copy_to.write(chunk)
    return digest.hexdigest()
