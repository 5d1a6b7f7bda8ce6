"""Writing tracks. The jobs that a change makes necessary are enqueued by triggers, in the same transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from app.catalogue.audio_intake import ReceivedAudio
from app.catalogue.names import make_slug
from app.database import Database, Transaction


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


async def create_track(database: Database, track: NewTrack, audio: ReceivedAudio) -> int:
    """Insert a track whose audio lies in the store.

    Returns:
        Its id.

    Raises:
        UnknownArtistError: There is no such artist.
        AudioGoneError: The audio is no longer there.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    async with database.transaction() as transaction:
        if not await transaction.scalar("artist_exists", {"did": track.artist_did}):
            raise UnknownArtistError(track.artist_did)
        await _hold(transaction, audio)
        values = {
            "artist_did": track.artist_did,
            "album_id": await _find_album(transaction, track.artist_did, track.album),
            "title": track.title,
            "file_id": audio.file_id,
            "file_type": audio.file_type,
            "r2_url": audio.url,
            "visibility": track.visibility,
            "extra": json.dumps({"auto_tag": True} if track.auto_tag else {}),
        }
        track_id: int = await transaction.scalar("insert_track", values)
        await transaction.execute("note_audio_upload", {"track_id": track_id})
        await _set_tags(transaction, track_id, track.tags)
    return track_id


async def change_track(database: Database, track_id: int, changes: TrackChanges) -> bool:
    """Change what a track is called and who may find it; whether it was there.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    async with database.transaction() as transaction:
        row = await transaction.one_or_none("lock_track", {"track_id": track_id})
        if row is None:
            return False
        album_id = row.album_id
        if "album" in changes:
            album_id = await _find_album(transaction, row.artist_did, changes["album"])
        values = {
            "track_id": track_id,
            "title": changes.get("title", row.title),
            "album_id": album_id,
            "visibility": changes.get("visibility"),
        }
        await transaction.execute("update_track", values)
        if "tags" in changes:
            await _set_tags(transaction, track_id, changes["tags"])
    return True


async def replace_audio(database: Database, track_id: int, audio: ReceivedAudio) -> bool:
    """Give a track other audio; whether it was there.

    Raises:
        AudioGoneError: The audio is no longer there.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    async with database.transaction() as transaction:
        await _hold(transaction, audio)
        values = {
            "track_id": track_id,
            "file_id": audio.file_id,
            "file_type": audio.file_type,
            "r2_url": audio.url,
        }
        replaced = await transaction.execute("replace_audio", values) == 1
        await transaction.execute("note_audio_upload", {"track_id": track_id})
        return replaced


async def delete_track(database: Database, track_id: int) -> bool:
    """Delete a track, and with it all that was learnt from its audio; whether it was there.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    async with database.transaction() as transaction:
        return await transaction.execute("delete_track", {"track_id": track_id}) == 1


async def _hold(transaction: Transaction, audio: ReceivedAudio) -> None:
    """Keep the audio from being removed before the end of the transaction."""
    key = {"file_id": audio.file_id, "file_type": audio.file_type}
    if await transaction.one_or_none("hold_audio", key) is None:
        raise AudioGoneError(audio.file_id)


async def _find_album(transaction: Transaction, artist_did: str, title: str | None) -> int | str | None:
    if title is None:
        return None
    values = {"artist_did": artist_did, "title": title, "slug": make_slug(title)}
    album_id: int | str = await transaction.scalar("ensure_album", values)
    return album_id


async def _set_tags(transaction: Transaction, track_id: int, names: Sequence[str]) -> None:
    values = {"track_id": track_id, "names": list(names)}
    await transaction.execute("untag_track", values)
    if names:
        await transaction.execute("add_tags", values)
