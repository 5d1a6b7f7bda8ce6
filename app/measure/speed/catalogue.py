"""A synthetic catalogue whose names, popularity and vectors are as skewed as real ones.

The same sizes and seed always give the same rows. Everything goes in by COPY, past the triggers and the foreign keys.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from app.measure.speed.names import Names, make_vocabulary
from app.measure.speed.sizes import Sizes
from app.measure.speed.stages import Advance, Stages
from app.measure.speed.vectors import SEED, VectorSpace

Connection = psycopg.Connection[Any]

_VISIBILITIES = np.array(["public", "supporters", "unlisted", "private"])
_VISIBILITY_SHARES = (0.94, 0.02, 0.02, 0.02)
_LISTED = 2
"""The first so many visibilities are listed in search."""

_CHUNK = 20_000
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"


def fill_names(connection: Connection, sizes: Sizes, stages: Stages) -> None:
    """Write everything but the vectors into an empty, migrated database, in the caller's transaction."""
    with stages.stage("vocabulary"):
        vocabulary = make_vocabulary(sizes.words, seed=SEED)
        names = Names(vocabulary, seed=SEED)
        random = np.random.default_rng(SEED)
    with stages.stage("artists and albums", sizes.artists + sizes.albums) as advance:
        _copy(connection, "benchmark.words (rank, word)", enumerate(vocabulary, start=1))
        _copy(connection, "artists (did, handle, display_name)", _artists(names, sizes), advance)
        owners = _skewed(random, sizes.artists, sizes.albums)
        titles = names.draw(sizes.albums, (0.2, 0.4, 0.25, 0.15))
        albums = (
            (n, _did(owner), title, f"album-{n}")
            for n, (owner, title) in enumerate(zip(owners.tolist(), titles, strict=True), start=1)
        )
        _copy(connection, "albums (id, artist_did, title, slug)", albums, advance)
    with stages.stage("tracks", sizes.tracks) as advance:
        columns = "id, artist_did, album_id, title, file_id, file_type, visibility, play_count"
        _copy(connection, f"tracks ({columns})", _tracks(names, random, sizes, owners), advance)
    with stages.stage("tags", sizes.tags + sizes.tracks) as advance:
        _copy(connection, "tags (id, name)", _tags(names, sizes), advance)
        _copy(connection, "track_tags (track_id, tag_id)", _taggings(random, sizes), advance)
    with stages.stage("playlists", sizes.playlists * 9) as advance:
        listeners = random.integers(1, sizes.artists + 1, sizes.playlists).tolist()
        titles = names.draw(sizes.playlists, (0.3, 0.5, 0.2))
        lists = (
            (n, _did(owner), title) for n, (owner, title) in enumerate(zip(listeners, titles, strict=True), start=1)
        )
        _copy(connection, "playlists (id, owner_did, name)", lists, advance)
        _copy(connection, "playlist_tracks (playlist_id, position, track_id)", _members(random, sizes), advance)


def fill_vectors(connection: Connection, sizes: Sizes, space: VectorSpace, model_id: int, stages: Stages) -> None:
    """Store a vector for every track, in the caller's transaction.

    numpy lays the rows out in Postgres's binary COPY format: a million of 512 halves take seconds.
    """
    row = np.dtype([
        ("fields", ">i2"), ("track_len", ">i4"), ("track", ">i8"), ("model_len", ">i4"), ("model", ">i2"),
        ("file_len", ">i4"), ("file", "S64"), ("vector_len", ">i4"), ("dim", ">i2"), ("unused", ">i2"),
        ("vector", ">f2", (space.dimensions,)), ("listed_len", ">i4"), ("listed", "i1"),
    ])  # fmt: skip
    statement = b"copy search.embeddings (track_id, model_id, file_id, embedding, listed) from stdin (format binary)"
    visibility = _visibility(sizes)
    with stages.stage("vectors", sizes.tracks) as advance:
        for start in range(0, sizes.tracks, _CHUNK):
            size = min(_CHUNK, sizes.tracks - start)
            rows = np.zeros(size, row)
            rows["fields"], rows["track_len"], rows["model_len"] = 5, 8, 2
            rows["file_len"], rows["listed_len"] = 64, 1
            rows["track"], rows["model"] = np.arange(start + 1, start + 1 + size), model_id
            rows["file"] = [_file_id(n).encode() for n in range(start + 1, start + 1 + size)]
            rows["vector_len"], rows["dim"] = 4 + 2 * space.dimensions, space.dimensions
            rows["vector"] = space.recordings(start, size)
            rows["listed"] = visibility[start : start + size] < _LISTED
            with connection.cursor().copy(statement) as copy:
                copy.write(_COPY_HEADER)
                copy.write(rows.tobytes())
                copy.write(_COPY_END)
            advance(size)


def _artists(names: Names, sizes: Sizes) -> Iterator[tuple[object, ...]]:
    for n, name in enumerate(names.draw(sizes.artists, (0.25, 0.6, 0.15)), start=1):
        yield _did(n), f"{name.lower().replace(' ', '-')}-{n}.example", name


def _tracks(names: Names, random: np.random.Generator, sizes: Sizes, owners: NDArray[np.int64]) -> Iterator[Any]:
    album = random.integers(0, sizes.albums, sizes.tracks)
    plays = np.minimum(random.pareto(0.8, sizes.tracks) * 20, 5e8).astype(np.int64)
    visibility = _VISIBILITIES[_visibility(sizes)]
    artist = owners[album]
    for start in range(0, sizes.tracks, _CHUNK):
        part = slice(start, min(start + _CHUNK, sizes.tracks))
        titles = names.draw(part.stop - part.start, (0.2, 0.35, 0.25, 0.13, 0.07))
        for n, owner, place, title, seen, count in zip(
            range(part.start + 1, part.stop + 1),
            artist[part].tolist(),
            album[part].tolist(),
            titles,
            visibility[part].tolist(),
            plays[part].tolist(),
            strict=True,
        ):
            yield n, _did(owner), place + 1, title, _file_id(n), "mp3", seen, count


def _tags(names: Names, sizes: Sizes) -> Iterator[tuple[object, ...]]:
    found: dict[str, None] = {}
    while len(found) < sizes.tags:
        found.update(dict.fromkeys(name.lower() for name in names.draw(sizes.tags, (0.6, 0.4))))
    return iter(list(enumerate(found, start=1))[: sizes.tags])


def _taggings(random: np.random.Generator, sizes: Sizes) -> Iterator[tuple[int, int]]:
    """None to a dozen tags on a track, two on average; a few tags are everywhere, most nearly nowhere."""
    for start in range(0, sizes.tracks, _CHUNK):
        size = min(_CHUNK, sizes.tracks - start)
        track = np.repeat(np.arange(start + 1, start + 1 + size), random.poisson(2.0, size))
        tag = _skewed(random, sizes.tags, track.size)
        yield from map(tuple, np.unique(np.stack([track, tag], axis=1), axis=0).tolist())


def _members(random: np.random.Generator, sizes: Sizes) -> Iterator[tuple[int, int, int]]:
    """Eight tracks in a playlist on average, a few in most and many in some."""
    for playlist, length in enumerate(random.geometric(1 / 8, sizes.playlists).tolist(), start=1):
        for position, track in enumerate(random.integers(1, sizes.tracks + 1, length).tolist()):
            yield playlist, position, track


def _skewed(random: np.random.Generator, number: int, count: int) -> NDArray[np.int64]:
    """Draws from 1 to ``number``, by a power law."""
    weights = (np.arange(number) + 10.0) ** -0.9
    cumulative = np.cumsum(weights / weights.sum())
    drawn: NDArray[np.int64] = 1 + np.searchsorted(cumulative, random.random(count)).clip(max=number - 1)
    return drawn


def _visibility(sizes: Sizes) -> NDArray[np.int64]:
    return np.random.default_rng([SEED, 9]).choice(len(_VISIBILITIES), sizes.tracks, p=_VISIBILITY_SHARES)


def _did(artist: int) -> str:
    return f"did:plc:{artist:024d}"


def _file_id(track: int) -> str:
    """As long as the sha-256 that real ones are."""
    return f"{track:064x}"


def _copy(connection: Connection, target: str, rows: Iterable[Any], advance: Advance | None = None) -> None:
    with connection.cursor().copy(f"copy {target} from stdin".encode()) as copy:
        for number, row in enumerate(rows, start=1):
            copy.write_row(row)
            if advance is not None and number % 1000 == 0:
                advance(1000)
