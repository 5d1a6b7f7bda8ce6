"""The sample catalogue."""

import asyncio
import re
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import pytest

from app.database import Database
from app.measure.relevance import load_labels
from app.measure.sample import Library, import_library, load_library, recordings_dir
from app.providers import Providers
from services.audio_store import AudioStore, LocalAudioStore, StoredAudio

Connection = psycopg.Connection[Any]
SAMPLE = Path(__file__).parents[3] / "app" / "measure" / "sample"


class FailingStore(LocalAudioStore):
    """A store that gives up at the twentieth file."""

    puts = 0

    def put(self, source: BinaryIO, file_type: str) -> StoredAudio:
        """Keep a file, or fail."""
        self.puts += 1
        if self.puts == 20:
            raise OSError("the store gave up")
        return super().put(source, file_type)


def bring_in(url: str, store: AudioStore, library: Library) -> int:
    async def steps() -> int:
        async with Database.open(url) as opened:
            return await import_library(opened, store, library, recordings_dir())

    return asyncio.run(steps())


def test_all_or_nothing_and_only_once(
    database: str, connection: Connection, providers: Providers, tmp_path: Path
) -> None:
    library = load_library()
    with pytest.raises(OSError, match="gave up"):
        bring_in(database, FailingStore(tmp_path), library)
    assert connection.execute("select count(*) from artists").fetchone() == (0,)
    assert connection.execute("select count(*) from procrastinate_jobs").fetchone() == (0,)

    assert bring_in(database, providers.audio_store, library) == 28
    assert bring_in(database, providers.audio_store, library) == 0
    counts = connection.execute(
        "select (select count(*) from tracks), (select count(*) from artists), (select count(*) from playlists), "
        "(select count(*) from procrastinate_jobs)"
    ).fetchone()
    assert counts == (28, len(library.artists), len(library.playlists), 56)


def test_a_deleted_track_comes_back_alone(database: str, connection: Connection, providers: Providers) -> None:
    library = load_library()
    bring_in(database, providers.audio_store, library)
    connection.execute("delete from tracks where title = 'Theodolite'")
    assert bring_in(database, providers.audio_store, library) == 1
    assert connection.execute("select count(*) from tracks").fetchone() == (28,)


def test_names_say_nothing_about_the_sound() -> None:
    """No name shares a word with the descriptions, but for articles and the like."""
    library = load_library()
    names = [track.title for track in library.tracks] + [artist.display_name for artist in library.artists]
    names += [album.title for album in library.albums] + [playlist.name for playlist in library.playlists]
    names += [tag for track in library.tracks for tag in track.tags]
    named = set(re.findall(r"\w+", " ".join(names).lower()))
    queries = load_labels(SAMPLE / "descriptions.toml").queries
    described = set(re.findall(r"\w+", " ".join(query.text for query in queries).lower()))
    assert named & described <= {"and", "of", "the", "a"}


def test_every_recording_is_named_once() -> None:
    library = load_library()
    files = [track.file for track in library.tracks]
    folder = recordings_dir()
    assert sorted(files) == sorted(str(path.relative_to(folder)) for path in folder.rglob("*.opus"))
    for query in load_labels(SAMPLE / "descriptions.toml").queries:
        assert set(query.relevant) < set(files)
