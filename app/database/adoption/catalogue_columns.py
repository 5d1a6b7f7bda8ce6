"""What search reads of a catalogue: its tables, their columns, and the indexes that it needs there."""

from dataclasses import dataclass

TYPES = {
    "number": ("bigint", "integer", "smallint"),
    "text": ("text", "character varying"),
    "json": ("jsonb",),
    "time": ("timestamp with time zone", "timestamp without time zone"),
    "key": ("bigint", "integer", "text", "character varying", "uuid"),
}
"""Types that a column of each kind may have."""


@dataclass(frozen=True)
class Column:
    """A column that search reads.

    Args:
        name: What it is called.
        kind: Which types it may have, a key of the table of types.
        otherwise: SQL of what search sees where it is missing; None where it must be there, and never null.
        also: Another name under which it is known.
        nullable: Whether it may hold null.
        addition: What follows ``add column`` to make it, where an application can add it at no cost.
        initial: SQL of what a new row has there where the table does not say.
    """

    name: str
    kind: str = "text"
    otherwise: str | None = None
    also: str | None = None
    nullable: bool = False
    addition: str | None = None
    initial: str | None = None


_CREATED = Column("created_at", "time", otherwise="null::timestamptz", nullable=True, initial="now()")
_IMAGE = Column("image_url", otherwise="null::text", nullable=True)

CATALOGUE: dict[str, tuple[Column, ...]] = {
    "artists": (
        Column("did"),
        Column("handle"),
        Column("display_name"),
        Column("avatar_url", otherwise="null::text", nullable=True),
        _CREATED,
    ),
    "albums": (Column("id", "key"), Column("artist_did"), Column("title"), Column("slug"), _IMAGE, _CREATED),
    "tracks": (
        Column("id", "number"),
        Column("artist_did"),
        Column("album_id", "key", nullable=True, addition="{album_id}"),
        Column("title"),
        Column("file_id"),
        Column("file_type"),
        Column("r2_url", otherwise="null::text", nullable=True),
        _IMAGE,
        Column("visibility", addition="text not null default 'public'"),
        Column("play_count", "number", addition="bigint not null default 0", initial="0"),
        Column("extra", "json", addition="jsonb not null default '{{}}'"),
        _CREATED,
    ),
    "tags": (Column("id", "number"), Column("name"), _CREATED),
    "track_tags": (Column("track_id", "number"), Column("tag_id", "number")),
    "playlists": (
        Column("id", "key"),
        Column("owner_did"),
        Column("name"),
        _IMAGE,
        Column("visibility", otherwise="'public'::text"),
        _CREATED,
    ),
    "playlist_tracks": (Column("playlist_id", "key"), Column("position", "number"), Column("track_id", "number")),
    "feature_flags": (Column("artist_did", also="user_did"), Column("flag"), _CREATED),
}
"""Tables of a catalogue in the order in which they refer to each other, as sql/migrations make them."""

NEEDED_TABLES = ("artists", "tracks")
"""Tables without which there is nothing to search."""
UNIQUE = {"artists": "did", "tracks": "id", "albums": "id", "playlists": "id", "tags": "name"}
"""The column by which a row of a table is referred to."""
WRITTEN = ("artists", "albums", "tracks", "tags", "track_tags")
"""Tables that uploads and automatic tags insert into."""

INDEXES = {
    "search_tracks_artist_did_idx": ("tracks", "btree (artist_did, play_count DESC, id)"),
    "search_tracks_album_id_idx": ("tracks", "btree (album_id, play_count DESC, id)"),
    "search_tracks_file_id_idx": ("tracks", "btree (file_id)"),
    "search_albums_artist_did_idx": ("albums", "btree (artist_did)"),
    "search_tags_lower_idx": ("tags", "btree (lower(name))"),
    "search_track_tags_tag_id_idx": ("track_tags", "btree (tag_id, track_id)"),
    "search_playlists_owner_did_idx": ("playlists", "btree (owner_did)"),
    "search_playlist_tracks_track_id_idx": ("playlist_tracks", "btree (track_id)"),
}
"""By which search goes from what is called so to what it holds, as sql/migrations make them."""
