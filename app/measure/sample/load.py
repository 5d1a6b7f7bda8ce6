"""Bringing the sample catalogue into a database."""

import asyncio
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database
from app.database.tables import Album, Artist, Playlist, PlaylistTrack, Tag, Track, TrackTag
from app.measure.sample.library import Library, SampleTrack
from services.audio_store import AudioStore


async def import_library(database: Database, store: AudioStore, library: Library, recordings: Path) -> int:
    """Import what is not there yet, in one transaction; the inserts enqueue the jobs.

    Args:
        database: The database.
        store: Where the recordings go.
        library: The catalogue.
        recordings: Folder of the recordings.

    Returns:
        How many tracks were added.
    """
    async with (
        database.transaction() as transaction,
        AsyncSession(transaction.connection, expire_on_commit=False) as session,
        session.begin(),
    ):
        known = set((await session.scalars(select(Track.title))).all())
        missing = [track for track in library.tracks if track.title not in known]
        if not missing:
            return 0
        await _add_people(session, library)
        tracks = await _add_tracks(session, store, library, missing, recordings)
        await _add_playlists(session, library, tracks)
    return len(missing)


async def _add_people(session: AsyncSession, library: Library) -> None:
    for artist in library.artists:
        await session.merge(Artist(did=artist.did, handle=artist.handle, display_name=artist.display_name))
    await session.flush()


async def _add_tracks(
    session: AsyncSession, store: AudioStore, library: Library, missing: list[SampleTrack], recordings: Path
) -> dict[str, Track]:
    did_of = {artist.handle: artist.did for artist in library.artists}
    albums = {(album.artist_did, album.slug): album for album in (await session.scalars(select(Album))).all()}
    for album in library.albums:
        key = (did_of[album.artist], album.slug)
        if key not in albums:
            albums[key] = Album(artist_did=key[0], title=album.title, slug=album.slug)
            session.add(albums[key])
    tags = {tag.name: tag for tag in (await session.scalars(select(Tag))).all()}
    for name in {name for track in missing for name in track.tags} - tags.keys():
        tags[name] = Tag(name=name)
        session.add(tags[name])
    await session.flush()

    tracks: dict[str, Track] = {}
    for entry in missing:
        path = recordings / entry.file
        stored = await asyncio.to_thread(_store, store, path)
        tracks[entry.file] = Track(
            artist_did=did_of[entry.artist],
            album_id=albums[did_of[entry.artist], entry.album].id,
            title=entry.title,
            file_id=stored,
            file_type=path.suffix.removeprefix("."),
            play_count=entry.play_count,
        )
        session.add(tracks[entry.file])
    await session.flush()
    session.add_all(
        TrackTag(track_id=tracks[entry.file].id, tag_id=tags[name].id) for entry in missing for name in entry.tags
    )
    return tracks


async def _add_playlists(session: AsyncSession, library: Library, tracks: dict[str, Track]) -> None:
    did_of = {artist.handle: artist.did for artist in library.artists}
    known = set((await session.scalars(select(Playlist.name))).all())
    for entry in library.playlists:
        if entry.name in known or not all(file in tracks for file in entry.tracks):
            continue
        playlist = Playlist(owner_did=did_of[entry.owner], name=entry.name)
        session.add(playlist)
        await session.flush()
        session.add_all(
            PlaylistTrack(playlist_id=playlist.id, position=position, track_id=tracks[file].id)
            for position, file in enumerate(entry.tracks)
        )


def _store(store: AudioStore, path: Path) -> str:
    with path.open("rb") as recording:
        return store.put(recording, path.suffix.removeprefix(".")).file_id
