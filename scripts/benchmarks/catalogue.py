"""A synthetic catalogue whose names and popularity are as skewed as real ones.

Words follow a Zipf-Mandelbrot law (Mandelbrot 1953, exponent 1, shift 2.7), plays a Pareto law. The
same size always gives the same catalogue.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

Connection = psycopg.Connection[Any]

_ONSETS = ("b", "br", "c", "ch", "d", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pr", "r", "s", "sh",
           "st", "t", "th", "tr", "v", "w", "y", "z", "")  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "ee", "ie", "oo", "ou")
_CODAS = ("", "", "", "n", "r", "l", "s", "t", "nd", "ng", "st", "ck", "m", "rd")


@dataclass(frozen=True)
class Sizes:
    """How many of each entity; all follow from the number of tracks."""

    tracks: int

    @property
    def artists(self) -> int:
        """One for ten tracks."""
        return max(1, self.tracks // 10)

    @property
    def albums(self) -> int:
        """One for ten tracks."""
        return max(1, self.tracks // 10)

    @property
    def tags(self) -> int:
        """One for fifty tracks."""
        return max(1, self.tracks // 50)

    @property
    def playlists(self) -> int:
        """One for twenty tracks."""
        return max(1, self.tracks // 20)

    @property
    def words(self) -> int:
        """Distinct words grow with the square root of the text (Heaps 1978)."""
        return int(60 * self.tracks**0.5)


class Names:
    """Draws names out of one vocabulary.

    Args:
        size: Distinct words.
        seed: Of the random generator.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.words = self._vocabulary(size)
        weights = 1.0 / (np.arange(size) + 2.7)
        self._cumulative = np.cumsum(weights / weights.sum())

    def draw(self, count: int, lengths: tuple[float, ...]) -> list[str]:
        """Names of one or more words.

        Args:
            count: How many.
            lengths: Probability of one word, two words, and so on.
        """
        words_each = self._random.choice(len(lengths), count, p=lengths) + 1
        drawn = np.searchsorted(self._cumulative, self._random.random(int(words_each.sum())))
        chosen = self.words[np.minimum(drawn, self.words.size - 1)]
        ends = np.cumsum(words_each)
        return [" ".join(chosen[start:end]).title() for start, end in zip(ends - words_each, ends, strict=True)]

    def _vocabulary(self, size: int) -> NDArray[np.str_]:
        found: dict[str, None] = {}
        while len(found) < size:
            syllables = 1 + self._random.binomial(3, min(0.75, 0.2 + len(found) / (2.0 * size)))
            parts = [str(self._random.choice(kind)) for _ in range(syllables) for kind in (_ONSETS, _VOWELS)]
            word = "".join(parts) + str(self._random.choice(_CODAS))
            if len(word) > 2:
                found.setdefault(word)
        return np.array(list(found))


def fill(connection: Connection, sizes: Sizes, *, seed: int = 1) -> None:
    """Write the catalogue into an empty, migrated database, without firing triggers."""
    names = Names(sizes.words, seed)
    random = np.random.default_rng(seed)
    connection.execute("set session_replication_role = replica")
    artists = names.draw(sizes.artists, (0.25, 0.6, 0.15))
    _copy(
        connection,
        "artists (did, handle, display_name)",
        ((f"did:plc:{n}", f"{name.lower().replace(' ', '-')}-{n}.example", name) for n, name in enumerate(artists)),
    )
    owner = random.integers(0, sizes.artists, sizes.albums)
    albums = names.draw(sizes.albums, (0.2, 0.4, 0.25, 0.15))
    _copy(
        connection,
        "albums (id, artist_did, title, slug)",
        ((n, f"did:plc:{owner[n]}", name, str(n)) for n, name in enumerate(albums)),
    )
    album = random.integers(0, sizes.albums, sizes.tracks)
    plays = np.minimum(random.pareto(0.8, sizes.tracks) * 20, 5e8).astype(np.int64)
    titles = names.draw(sizes.tracks, (0.2, 0.35, 0.25, 0.13, 0.07))
    _copy(connection, "tracks (id, artist_did, album_id, title, file_id, file_type, play_count)",
          ((n, f"did:plc:{owner[album[n]]}", int(album[n]), title, f"f{n}", "mp3", int(plays[n]))
           for n, title in enumerate(titles)))  # fmt: skip
    tags = dict.fromkeys(name.lower() for name in names.draw(sizes.tags * 2, (0.8, 0.2)))
    tag_names = list(tags)[: sizes.tags]
    _copy(connection, "tags (id, name)", enumerate(tag_names))
    # a few tags are on everything, most on next to nothing
    popular = np.minimum(random.pareto(0.6, 2 * sizes.tracks), len(tag_names) - 1).astype(int)
    _copy(
        connection,
        "track_tags (track_id, tag_id)",
        sorted({(n % sizes.tracks, int(tag)) for n, tag in enumerate(popular)}),
    )
    playlists = names.draw(sizes.playlists, (0.3, 0.5, 0.2))
    listeners = random.integers(0, sizes.artists, sizes.playlists)
    _copy(connection, "playlists (id, owner_did, name)",
          ((n, f"did:plc:{listeners[n]}", name) for n, name in enumerate(playlists)))  # fmt: skip
    members = random.integers(0, sizes.tracks, (sizes.playlists, 5))
    _copy(connection, "playlist_tracks (playlist_id, position, track_id)",
          ((n, place, int(track)) for n, row in enumerate(members) for place, track in enumerate(row)))  # fmt: skip
    connection.execute("set session_replication_role = origin")


def _copy(connection: Connection, target: str, rows: Any) -> None:  # noqa: ANN401 - an iterable of tuples of any columns
    with connection.cursor().copy(f"copy {target} from stdin".encode()) as copy:
        for row in rows:
            copy.write_row(row)
