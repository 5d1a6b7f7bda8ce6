"""The fixed mix of queries: the same catalogue always gives the same ones."""

import random
import string
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from app.database import load_statement
from app.measure.speed.build import Built

Connection = psycopg.Connection[Any]

PREFIXES = (2, 3, 5, 8)
"""Letters that are typed before the box asks."""

KINDS = (
    "exact title", *(f"{letters} letters" for letters in PREFIXES), "begun title", "one typo", "two typos",
    "artist name", "two fields", "common words", "description",
)  # fmt: skip
"""Classes of queries, in the order of the report."""

_BEGUN = 5
"""Letters from which the beginning of a title should find it."""

_LONG_ENOUGH = {1: 4, 2: 8}
"""Letters that a word has in which so many typos are made."""

_MOODS = ("melancholic", "aggressive", "uplifting", "hypnotic", "bittersweet", "cinematic", "laid-back", "euphoric",
          "brooding", "peaceful", "frantic", "tender")  # fmt: skip
_SOUNDS = ("acoustic guitar", "analogue synthesizers", "distorted bass", "string quartet", "brushed drums",
           "female vocals", "felt piano", "saxophone solo", "marching percussion", "church organ")  # fmt: skip
_PLACES = ("for a rainy night", "for the dancefloor", "with vinyl crackle", "without singing")


@dataclass(frozen=True)
class Query:
    """One query of the mix.

    Attributes:
        kind: One of KINDS.
        text: What is typed.
        vector: What a model would make of it, shape (dimensions,).
        item: Label of what is looked for; None when several answers are as good.
    """

    kind: str
    text: str
    vector: NDArray[np.float32]
    item: str | None


def make_mix(connection: Connection, built: Built, count: int) -> list[Query]:
    """All queries, ``count`` of each kind at most, the kinds shuffled among each other.

    Args:
        connection: To the benchmark's database.
        built: That database.
        count: Queries of each kind.
    """
    dice = random.Random(5)  # noqa: S311 - chooses queries, guards nothing
    words = {str(row[0]) for row in connection.execute("select word from benchmark.words").fetchall()}
    texts = [(kind, text, item) for kind in KINDS for text, item in _texts(connection, kind, count, words, dice)]
    vectors = built.space.descriptions(len(texts))
    mix = [Query(kind, text, vectors[n], item) for n, (kind, text, item) in enumerate(texts)]
    dice.shuffle(mix)
    return mix


def misspell(name: str, typos: int, words: Collection[str], dice: random.Random) -> str | None:
    """A name with typos in one of its words; None when it has no word that is long enough.

    A typo is a letter left out, added, changed or exchanged with the next (Damerau 1964), never in the first place,
    where people seldom err (Yannakoudakis and Fawthrop 1983). The word that comes out is as many edits away as there
    are typos, and is none of the catalogue's: that would be another query, not a misspelt one.

    Args:
        name: In lower case.
        typos: 1, in a word of 4 letters or more, or 2, in one of 8 or more.
        words: The catalogue's.
        dice: Decides.
    """
    parts = name.split()
    places = [place for place, word in enumerate(parts) if len(word) >= _LONG_ENOUGH[typos]]
    if not places:
        return None
    place = dice.choice(places)
    for _ in range(50):
        wrong = parts[place]
        for _ in range(typos):
            wrong = _typo(wrong, dice)
        if wrong not in words and edit_distance(parts[place], wrong) == typos:
            return " ".join([*parts[:place], wrong, *parts[place + 1 :]])
    return None


def edit_distance(one: str, other: str) -> int:
    """Letters left out, added, changed, or exchanged with the next one, each touched once (optimal alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [i]
        for j, wanted in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                best = min(best, earlier[j - 2] + 1)
            row.append(best)
    return row[-1]


def _texts(connection: Connection, kind: str, count: int, words: set[str], dice: random.Random) -> list[Any]:
    makers: dict[str, Callable[[], Iterator[tuple[str, str | None]]]] = {
        "exact title": lambda: ((title, title) for title, _ in _tracks(connection, kind, count)),
        "begun title": lambda: _begun(connection, kind, count, dice),
        "one typo": lambda: _misspelt(connection, kind, count, words, dice),
        "two typos": lambda: _misspelt(connection, kind, count, words, dice),
        "artist name": lambda: ((name, name) for name in _artists(connection, count)),
        "two fields": lambda: _two_fields(connection, kind, count, dice),
        "common words": lambda: _common(connection, count),
        "description": lambda: _descriptions(words, dice),
    }
    made = makers[kind]() if kind in makers else _prefixes(connection, kind, count)
    return [found for found, _ in zip(made, range(count), strict=False)]


def _tracks(connection: Connection, salt: str, count: int, *, by_plays: bool = False) -> list[tuple[str, str]]:
    parameters = {"salt": salt, "by_plays": by_plays, "count": count}
    return connection.execute(load_statement("benchmark_known_tracks"), parameters).fetchall()


def _artists(connection: Connection, count: int) -> Iterator[str]:
    statement = load_statement("benchmark_known_artists")
    return (str(row[0]) for row in connection.execute(statement, {"salt": "artist", "count": count}).fetchall())


def _prefixes(connection: Connection, kind: str, count: int) -> Iterator[tuple[str, str | None]]:
    """What is played much is what is typed: of the tracks that begin so, only a few can be among the first."""
    letters = int(kind.partition(" ")[0])
    for title, _ in _tracks(connection, kind, 3 * count, by_plays=True):
        if len(title) > letters and title[letters - 1] != " ":
            yield title[:letters].lower(), title


def _begun(connection: Connection, kind: str, count: int, dice: random.Random) -> Iterator[tuple[str, str | None]]:
    """Stopped somewhere behind the fifth letter: any place is as likely."""
    for title, _ in _tracks(connection, kind, 3 * count, by_plays=True):
        places = [letters for letters in range(_BEGUN, len(title)) if title[letters - 1] != " "]
        if places:
            yield title[: dice.choice(places)].lower(), title


def _misspelt(
    connection: Connection, kind: str, count: int, words: set[str], dice: random.Random
) -> Iterator[tuple[str, str | None]]:
    typos = 1 if kind == "one typo" else 2
    for title, _ in _tracks(connection, kind, 20 * count):
        wrong = misspell(title.lower(), typos, words, dice)
        if wrong is not None:
            yield wrong, title


def _two_fields(connection: Connection, kind: str, count: int, dice: random.Random) -> Iterator[tuple[str, str | None]]:
    for title, artist in _tracks(connection, kind, count):
        yield f"{dice.choice(artist.split())} {dice.choice(title.split())}".lower(), None


def _common(connection: Connection, count: int) -> Iterator[tuple[str, str | None]]:
    found = connection.execute(load_statement("benchmark_common_words"), {"count": 30}).fetchall()
    common = [str(row[0]) for row in found]
    singles = common[: max(1, count // 2)]
    pairs = sorted(product(range(len(common)), repeat=2), key=lambda pair: (sum(pair), pair))
    yield from ((word, None) for word in singles)
    yield from ((f"{common[one]} {common[other]}", None) for one, other in pairs if one != other)


def _descriptions(words: set[str], dice: random.Random) -> Iterator[tuple[str, str | None]]:
    """Texts without any word of the catalogue."""
    texts = [" ".join(parts) for parts in product(_MOODS, _SOUNDS, _PLACES)]
    dice.shuffle(texts)
    for text in texts:
        letters = text.replace("-", " ").split()
        if not words.intersection(letters):
            yield text, None


def _typo(word: str, dice: random.Random) -> str:
    place = dice.randrange(1, len(word))
    letter = dice.choice(string.ascii_lowercase)
    kinds = [
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
    ]
    if place + 1 < len(word):
        kinds.append(word[:place] + word[place + 1] + word[place] + word[place + 2 :])
    return dice.choice(kinds)
