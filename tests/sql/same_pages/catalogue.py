"""A catalogue of 3,000 tracks with everything that search treats in its own way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg

from models.card import ModelCard
from tests.sql.same_pages.names import Dice, Names

Connection = psycopg.Connection[tuple[object, ...]]

DIMENSIONS = 16
"""Of a vector."""

MODEL = ModelCard(
    name="same-pages", implementation="", dimensions=DIMENSIONS, sample_rate=16_000, licence="", source="",
    description="Vectors of small whole numbers.", bundled=False, files=(), pipeline={},
    match={"slope": 1.0, "intercept": 0.0},
)  # fmt: skip
"""The model that serves: cosines of its vectors come out the same on every machine."""

_TRACKS, _ARTISTS, _ALBUMS, _TAGS, _PLAYLISTS, _VECTORS = 3000, 300, 300, 90, 160, 800

_COMMON = 40
"""Documents that make a word common, so that both ways of looking words up are taken in so small a catalogue."""


@dataclass(frozen=True)
class Track:
    """One row of tracks, with its tags and its vector."""

    id: int
    artist: int
    album: int | None
    title: str
    visibility: str
    plays: int
    tags: tuple[int, ...]
    vector: str | None


@dataclass(frozen=True)
class Catalogue:
    """All rows; keys count from 1.

    Attributes:
        words: The vocabulary, the commonest first.
        artists: Handle and display name.
        albums: Artist and title.
        tags: Names.
        playlists: Owner, name, visibility and tracks.
        tracks: In the order of their keys.
    """

    words: list[str]
    artists: list[tuple[str, str]]
    albums: list[tuple[int, str]]
    tags: list[str]
    playlists: list[tuple[int, str, str, tuple[int, ...]]]
    tracks: list[Track]


def did(artist: int) -> str:
    """Key of an artist."""
    return f"did:plc:a{artist}"


def make_vector(dice: Dice) -> str:
    """A vector of whole numbers: sums of their products are exact in any order, so that every machine agrees."""
    numbers = [dice.below(7) - 3 for _ in range(DIMENSIONS)]
    numbers[0] += 4  # all lean one way, as vectors of real models do
    return f"[{','.join(map(str, numbers))}]"


def make_catalogue(seed: int = 1) -> Catalogue:
    """The same seed always gives the same rows."""
    dice = Dice(seed)
    names = Names(dice)
    artists = [_artist(names, dice, n) for n in range(1, _ARTISTS + 1)]
    albums = [(1 + dice.skewed(_ARTISTS), names.name(3)) for _ in range(_ALBUMS)]
    tags = list(dict.fromkeys(names.name(2).lower() for _ in range(2 * _TAGS)))[:_TAGS]
    tracks = [_track(names, dice, albums, n) for n in range(1, _TRACKS + 1)]
    playlists = [
        (
            1 + dice.skewed(_ARTISTS),
            names.name(3),
            _skewed_visibility(dice, ("private", "unlisted")),
            tuple(1 + dice.below(_TRACKS) for _ in range(dice.below(12))),
        )
        for _ in range(_PLAYLISTS)
    ]
    return Catalogue(names.words, artists, albums, tags, playlists, tracks)


def _artist(names: Names, dice: Dice, number: int) -> tuple[str, str]:
    name = names.name(2)
    own = dice.chance(0.7)
    return f"{name.lower().replace(' ', '-')}-{number}" if own else f"{names.word()}{number}.example", name


def _track(names: Names, dice: Dice, albums: list[tuple[int, str]], number: int) -> Track:
    album = 1 + dice.below(_ALBUMS) if dice.chance(0.7) else None
    artist = albums[album - 1][0] if album else 1 + dice.skewed(_ARTISTS)
    # a title track now and then
    title = albums[album - 1][1] if album and dice.chance(0.05) else names.name(4)
    tags = tuple(sorted({1 + dice.skewed(_TAGS) for _ in range(dice.below(5))}))
    visibility = _skewed_visibility(dice, ("private", "unlisted", "supporters"))
    vector = make_vector(dice) if number <= _VECTORS else None
    return Track(number, artist, album, title, visibility, dice.plays(), tags, vector)


def _skewed_visibility(dice: Dice, others: Sequence[str]) -> str:
    return dice.pick(others) if dice.chance(0.15) else "public"


def load_catalogue(connection: Connection, catalogue: Catalogue) -> None:
    """Write all rows into an empty database whose serving model is ``MODEL``, and make it searchable."""
    # past the triggers and the foreign keys, which a test of pages does not need
    connection.execute("set session_replication_role = replica")
    for target, rows in _tables(catalogue).items():
        with connection.cursor().copy(f"copy {target} from stdin".encode()) as copy:
            for row in rows:
                copy.write_row(row)
    connection.execute("set session_replication_role = origin")
    for statement in _SEARCHABLE:
        connection.execute(statement.encode())


def _tables(catalogue: Catalogue) -> dict[str, Iterable[Sequence[object]]]:
    artists, albums = enumerate(catalogue.artists, 1), enumerate(catalogue.albums, 1)
    playlists, tracks = list(enumerate(catalogue.playlists, 1)), catalogue.tracks
    columns = "id, artist_did, album_id, title, file_id, file_type, visibility, play_count"
    return {
        "artists (did, handle, display_name)": ((did(n), handle, name) for n, (handle, name) in artists),
        "albums (id, artist_did, title, slug)": ((n, did(owner), title, f"album-{n}") for n, (owner, title) in albums),
        "tags (id, name)": enumerate(catalogue.tags, 1),
        f"tracks ({columns})": (
            (t.id, did(t.artist), t.album, t.title, f"f{t.id}", "mp3", t.visibility, t.plays) for t in tracks
        ),
        "track_tags (track_id, tag_id)": ((t.id, tag) for t in tracks for tag in t.tags),
        "playlists (id, owner_did, name, visibility)": (
            (n, did(owner), name, seen) for n, (owner, name, seen, _) in playlists
        ),
        "playlist_tracks (playlist_id, position, track_id)": (
            (n, place, track) for n, (*_, held) in playlists for place, track in enumerate(held)
        ),
        "search.embeddings (track_id, model_id, file_id, embedding, listed, owner)": (
            (t.id, 1, f"f{t.id}", t.vector, t.visibility in {"public", "supporters"}, _private_owner(t))
            for t in tracks
            if t.vector
        ),
    }


def _private_owner(track: Track) -> str | None:
    return did(track.artist) if track.visibility == "private" else None


_SEARCHABLE = (
    # a graph is drawn by chance: without it the nearest are found exactly
    "drop index search.embeddings_1_hnsw_idx",
    "select search.rebuild_documents()",
    "delete from search.common_words",
    f"""insert into search.common_words (word, documents)
        select word, count(*) from search.documents, unnest(string_to_array(normalized || ' ' || context, ' ')) as word
        where word <> '' group by word having count(*) >= {_COMMON} order by word""",
    "insert into search.calibrations values (1, 1.5, -1, 4, -1, 800, 200, 0, now())",
    """insert into search.calibration_tracks
       select 1, track_id, embedding from search.embeddings where listed order by track_id limit 200""",
    "analyze",
)
