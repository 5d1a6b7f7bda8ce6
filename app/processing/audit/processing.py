"""What has been done to the tracks of each artist."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.database import Database, load_query
from app.processing.failures import JobFailure


@dataclass(frozen=True)
class StoredVector:
    """A vector of a track.

    Attributes:
        model: Name of the model.
        identity: Its identity.
        file_id: The audio that was embedded.
        embedded_at: When.
    """

    model: str
    identity: str
    file_id: str
    embedded_at: datetime


@dataclass(frozen=True)
class TrackAudit:
    """What has been done to one track.

    Attributes:
        track_id: Its id.
        title: What it is called.
        file_id: Its audio.
        vectors: Everything that is stored, also of models that have retired and of audio that was replaced.
        classified_file_id: The audio that its genre predictions are of; None where there are none.
        classified_at: When those of the present audio were made; None where the queue does not remember.
        pending: Tasks whose jobs wait or run.
        failures: What went wrong with the present audio.
    """

    track_id: int
    title: str
    file_id: str
    vectors: list[StoredVector]
    classified_file_id: str | None
    classified_at: datetime | None
    pending: list[str]
    failures: list[JobFailure]

    @property
    def processed(self) -> bool:
        """Whether anything was ever learnt from its audio, and is kept."""
        return bool(self.vectors) or self.classified_file_id is not None


@dataclass
class ModelShare:
    """What one model has embedded.

    Attributes:
        model: Name of the model.
        identity: Its identity.
        tracks: How many tracks.
        first: When the first.
        last: When the last.
    """

    model: str
    identity: str
    tracks: int
    first: datetime
    last: datetime

    def add(self, other: "ModelShare") -> None:
        """Count more in."""
        self.tracks += other.tracks
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)


@dataclass
class ArtistAudit:
    """What has been done to the tracks of one artist, or of all.

    Attributes:
        did: The artist; empty for all of them.
        handle: What the artist is called, for machines.
        name: The same for people.
        tracks: How many there are.
        embedded: By which model, and when.
        classified: How many have genre predictions.
        classified_first: When the first were made, of those that the queue remembers.
        classified_last: When the last.
        pending: Tracks with a job that waits or runs.
        failed: Tracks at which a task failed.
        unprocessed: Tracks from which nothing was ever learnt.
        listing: The tracks, where they were asked for.
    """

    did: str
    handle: str
    name: str
    tracks: int = 0
    embedded: dict[str, ModelShare] = field(default_factory=dict)
    classified: int = 0
    classified_first: datetime | None = None
    classified_last: datetime | None = None
    pending: int = 0
    failed: int = 0
    unprocessed: int = 0
    listing: list[TrackAudit] = field(default_factory=list)

    def add_track(self, track: TrackAudit, *, listed: bool) -> None:
        """Count a track in."""
        self.tracks += 1
        for vector in track.vectors:
            self._add_share(ModelShare(vector.model, vector.identity, 1, vector.embedded_at, vector.embedded_at))
        self.classified += track.classified_file_id is not None
        self._add_times(track.classified_at, track.classified_at)
        self.pending += bool(track.pending)
        self.failed += bool(track.failures)
        self.unprocessed += not track.processed
        if listed:
            self.listing.append(track)

    def add(self, other: "ArtistAudit") -> None:
        """Count all of another in, without its listing."""
        self.tracks += other.tracks
        for share in other.embedded.values():
            self._add_share(replace(share))
        self.classified += other.classified
        self._add_times(other.classified_first, other.classified_last)
        self.pending += other.pending
        self.failed += other.failed
        self.unprocessed += other.unprocessed

    def _add_share(self, share: ModelShare) -> None:
        if share.identity in self.embedded:
            self.embedded[share.identity].add(share)
        else:
            self.embedded[share.identity] = share

    def _add_times(self, first: datetime | None, last: datetime | None) -> None:
        if first is not None and (self.classified_first is None or first < self.classified_first):
            self.classified_first = first
        if last is not None and (self.classified_last is None or last > self.classified_last):
            self.classified_last = last


async def audit_artists(database: Database, *, listed: bool = False) -> AsyncIterator[ArtistAudit]:
    """Every artist that has tracks, by handle.

    Args:
        database: The database.
        listed: Whether each track is kept, too.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    artist: ArtistAudit | None = None
    async with database.transaction() as transaction:
        # a cursor of the server, so that a large catalogue is never in memory as a whole
        async for row in await transaction.connection.stream(load_query("processing_audit")):
            if artist is None or artist.did != row.artist_did:
                if artist is not None:
                    yield artist
                artist = ArtistAudit(row.artist_did, row.artist_handle, row.artist_name)
            artist.add_track(_read_track(row), listed=listed)
    if artist is not None:
        yield artist


def total(artists: Iterable[ArtistAudit]) -> ArtistAudit:
    """The sum over artists."""
    everybody = ArtistAudit("", "", "")
    for artist in artists:
        everybody.add(artist)
    return everybody


def _read_track(row: Any) -> TrackAudit:  # noqa: ANN401 - a row of `processing_audit`
    return TrackAudit(
        track_id=row.track_id,
        title=row.title,
        file_id=row.file_id,
        vectors=[
            StoredVector(**entry | {"embedded_at": datetime.fromisoformat(entry["embedded_at"])})
            for entry in row.embeddings
        ],
        classified_file_id=row.classified_file_id,
        classified_at=row.classified_at,
        pending=row.pending,
        failures=[
            JobFailure(**entry | {"failed_at": datetime.fromisoformat(entry["failed_at"])}) for entry in row.failures
        ],
    )
