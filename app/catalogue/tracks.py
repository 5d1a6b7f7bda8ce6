"""Writing tracks. The jobs that a change makes necessary are enqueued by triggers, in the same transaction."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.catalogue.audio_intake import ReceivedAudio
from app.catalogue.names import make_slug
from app.database import guard_connection, load_query


class UnknownArtistError(LookupError):
    """There is no artist with this DID."""


class AudioGoneError(Exception):
    """The upload took so long that its audio was removed again."""


@dataclass(frozen=True)
class NewTrack:
    """A track to be made; names are clean already.

    Attributes:
        artist_did: Whose it is.
        title: What it is called.
        tags: Manual tags.
        album: Title of an album of the artist, made where there is none; None for no album.
        visibility: Who may find it.
        auto_tag: Whether the genres that are found become tags.
    """

    artist_did: str
    title: str
    tags: Sequence[str] = ()
    album: str | None = None
    visibility: str = "public"
    auto_tag: bool = False


class TrackChanges(TypedDict, total=False):
    """What is to be different about a track; what is absent stays. Names are clean already.

    Attributes:
        title: A new title.
        tags: All its tags.
        album: Title of an album of the artist, made where there is none; None takes the track out of its album.
        visibility: Who may find it.
    """

    title: str
    tags: Sequence[str]
    album: str | None
    visibility: str


async def create_track(engine: AsyncEngine, track: NewTrack, audio: ReceivedAudio) -> int:
    """Insert a track whose audio lies in the store.

    Returns:
        Its id.

    Raises:
        UnknownArtistError: There is no such artist.
        AudioGoneError: The audio is no longer there.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    async with _transaction(engine) as connection:
        known = await connection.execute(load_query("artist_exists"), {"did": track.artist_did})
        if not known.scalar_one():
            raise UnknownArtistError(track.artist_did)
        await _hold(connection, audio)
        values = {
            "artist_did": track.artist_did,
            "album_id": await _find_album(connection, track.artist_did, track.album),
            "title": track.title,
            "file_id": audio.file_id,
            "file_type": audio.file_type,
            "r2_url": audio.url,
            "visibility": track.visibility,
            "extra": json.dumps({"auto_tag": True} if track.auto_tag else {}),
        }
        track_id: int = (await connection.execute(load_query("insert_track"), values)).scalar_one()
        await _set_tags(connection, track_id, track.tags)
    return track_id


async def change_track(engine: AsyncEngine, track_id: int, changes: TrackChanges) -> bool:
    """Change what a track is called and who may find it; whether it was there.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    async with _transaction(engine) as connection:
        row = (await connection.execute(load_query("lock_track"), {"track_id": track_id})).one_or_none()
        if row is None:
            return False
        album_id = row.album_id
        if "album" in changes:
            album_id = await _find_album(connection, row.artist_did, changes["album"])
        values = {
            "track_id": track_id,
            "title": changes.get("title", row.title),
            "album_id": album_id,
            "visibility": changes.get("visibility", row.visibility),
        }
        await connection.execute(load_query("update_track"), values)
        if "tags" in changes:
            await _set_tags(connection, track_id, changes["tags"])
    return True


async def replace_audio(engine: AsyncEngine, track_id: int, audio: ReceivedAudio) -> bool:
    """Give a track other audio; whether it was there.

    Raises:
        AudioGoneError: The audio is no longer there.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    async with _transaction(engine) as connection:
        await _hold(connection, audio)
        values = {
            "track_id": track_id,
            "file_id": audio.file_id,
            "file_type": audio.file_type,
            "r2_url": audio.url,
        }
        return (await connection.execute(load_query("replace_audio"), values)).rowcount == 1


async def delete_track(engine: AsyncEngine, track_id: int) -> bool:
    """Delete a track, and with it all that was learnt from its audio; whether it was there.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    async with _transaction(engine) as connection:
        return (await connection.execute(load_query("delete_track"), {"track_id": track_id})).rowcount == 1


async def _hold(connection: AsyncConnection, audio: ReceivedAudio) -> None:
    """Keep the audio from being removed before the end of the transaction."""
    key = {"file_id": audio.file_id, "file_type": audio.file_type}
    if (await connection.execute(load_query("hold_audio"), key)).one_or_none() is None:
        raise AudioGoneError(audio.file_id)


async def _find_album(connection: AsyncConnection, artist_did: str, title: str | None) -> int | str | None:
    if title is None:
        return None
    values = {"artist_did": artist_did, "title": title, "slug": make_slug(title)}
    album_id: int | str = (await connection.execute(load_query("ensure_album"), values)).scalar_one()
    return album_id


async def _set_tags(connection: AsyncConnection, track_id: int, names: Sequence[str]) -> None:
    values = {"track_id": track_id, "names": list(names)}
    await connection.execute(load_query("untag_track"), values)
    if names:
        await connection.execute(load_query("add_tags"), values)


@asynccontextmanager
async def _transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    with guard_connection():
        async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
            yield connection
