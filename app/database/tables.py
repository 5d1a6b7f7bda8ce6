"""The catalogue's tables, for Python that reads or writes them row by row.

The schema itself is made by the SQL files in sql/migrations; a test compares the two.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_NOW = text("now()")


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(schema="public")
    """As statements name it: ``app.database.server_connections`` puts the schema of a database in its place."""

    type_annotation_map: ClassVar = {
        str: Text,
        int: BigInteger,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }


class Artist(Base):
    """Somebody who publishes tracks."""

    __tablename__ = "artists"

    did: Mapped[str] = mapped_column(primary_key=True)
    handle: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    avatar_url: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Album(Base):
    """An album of one artist."""

    __tablename__ = "albums"
    __table_args__ = (UniqueConstraint("artist_did", "slug"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    artist_did: Mapped[str] = mapped_column(ForeignKey("artists.did", ondelete="CASCADE", onupdate="CASCADE"))
    title: Mapped[str]
    slug: Mapped[str]
    image_url: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Track(Base):
    """A recording; inserting one enqueues its jobs."""

    __tablename__ = "tracks"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    artist_did: Mapped[str] = mapped_column(ForeignKey("artists.did", ondelete="CASCADE", onupdate="CASCADE"))
    album_id: Mapped[int | None] = mapped_column(ForeignKey("albums.id", ondelete="SET NULL"))
    title: Mapped[str]
    file_id: Mapped[str]
    file_type: Mapped[str]
    r2_url: Mapped[str | None]
    image_url: Mapped[str | None]
    visibility: Mapped[str] = mapped_column(server_default="public")
    play_count: Mapped[int] = mapped_column(server_default="0")
    extra: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Tag(Base):
    """A word on tracks."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class TrackTag(Base):
    """A tag on a track."""

    __tablename__ = "track_tags"
    __table_args__ = (PrimaryKeyConstraint("track_id", "tag_id"),)

    track_id: Mapped[int] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"))
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id", ondelete="CASCADE"))


class Playlist(Base):
    """An ordered list of tracks."""

    __tablename__ = "playlists"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    owner_did: Mapped[str] = mapped_column(ForeignKey("artists.did", ondelete="CASCADE", onupdate="CASCADE"))
    name: Mapped[str]
    image_url: Mapped[str | None]
    visibility: Mapped[str] = mapped_column(server_default="public")
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class PlaylistTrack(Base):
    """A place in a playlist."""

    __tablename__ = "playlist_tracks"
    __table_args__ = (PrimaryKeyConstraint("playlist_id", "position"),)

    playlist_id: Mapped[int] = mapped_column(ForeignKey("playlists.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    track_id: Mapped[int] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"))


class FeatureFlag(Base):
    """A feature switched on for one viewer."""

    __tablename__ = "feature_flags"
    __table_args__ = (PrimaryKeyConstraint("artist_did", "flag"),)

    artist_did: Mapped[str] = mapped_column(ForeignKey("artists.did", ondelete="CASCADE", onupdate="CASCADE"))
    flag: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
