"""The sample's labelled names follow the rule at the head of their file."""

import re
import unicodedata
from pathlib import Path

import pytest

from app.measure.relevance import LabelledQuery, load_labels
from app.measure.sample import load_library

FILE = Path(__file__).parents[4] / "app" / "measure" / "sample" / "names.toml"
LIBRARY = load_library()
QUERIES = load_labels(FILE).queries


def of_group(group: str) -> pytest.MarkDecorator:
    found = [query for query in QUERIES if query.group == group]
    assert len(found) >= 8
    return pytest.mark.parametrize("query", found, ids=lambda query: query.text)


def fold(name: str) -> str:
    """A name as it is compared."""
    letters = [letter for letter in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(letter)]
    plain = re.sub(r"['’]", "", "".join(letters)).replace("ø", "o")
    return " ".join(re.findall(r"\w+", plain))


def names() -> dict[str, list[str]]:
    """Folded names of every entity, by its label."""
    found = {f"track:{track.artist}/{track.title}": [track.title] for track in LIBRARY.tracks}
    found |= {f"artist:{artist.handle}": [artist.display_name, artist.handle] for artist in LIBRARY.artists}
    found |= {f"album:{album.artist}/{album.slug}": [album.title] for album in LIBRARY.albums}
    found |= {f"playlist:{playlist.owner}/{playlist.name}": [playlist.name] for playlist in LIBRARY.playlists}
    found |= {f"tag:{name}": [name] for track in LIBRARY.tracks for name in track.tags}
    return found


NAMES = names()
FOLDED = {label: [fold(name) for name in own] for label, own in NAMES.items()}


def begins(query: str, words: list[str]) -> bool:
    """Whether each word of a query is a word; the last may be begun."""
    *whole, last = fold(query).split()
    return set(whole) <= set(words) and any(word.startswith(last) for word in words)


def distance(one: str, other: str) -> int:
    """Letters left out, put in or replaced, and neighbours exchanged: optimal string alignment (Damerau, 1964)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, above, row = row, before, [i]
        for j, counterpart in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != counterpart))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == counterpart:
                best = min(best, above[j - 2] + 1)
            row.append(best)
    return row[-1]


def test_every_query_has_a_group_of_the_header() -> None:
    header = FILE.read_text(encoding="utf-8").partition("by =")[0]
    described = re.findall(r"^#   ((?:\w+ )?\w+)  ", header, re.MULTILINE)
    assert list(dict.fromkeys(query.group for query in QUERIES)) == described
    assert {label for query in QUERIES for label in query.relevant} <= NAMES.keys()


@of_group("exact")
def test_exact(query: LabelledQuery) -> None:
    assert {label for label, own in NAMES.items() if query.text in own} == set(query.relevant)


@of_group("folded")
def test_folded(query: LabelledQuery) -> None:
    assert not any(query.text in own for own in NAMES.values())
    (label,) = query.relevant
    # a handle may go on where the display name ends
    assert any(name == fold(query.text) for name in FOLDED[label])


@of_group("prefix")
def test_prefix(query: LabelledQuery) -> None:
    assert len(query.text) >= 3
    begun = {label for label, own in FOLDED.items() if any(name.startswith(query.text) for name in own)}
    assert begun == set(query.relevant)


@of_group("word")
def test_word(query: LabelledQuery) -> None:
    grades = {
        label: 2 if any(name.startswith(query.text) for name in own) else 1
        for label, own in FOLDED.items()
        if any(word.startswith(query.text) for name in own for word in name.split())
    }
    assert grades == query.relevant


@of_group("one typo")
def test_one_typo(query: LabelledQuery) -> None:
    (label,) = query.relevant
    assert min(distance(fold(query.text), name) for name in FOLDED[label]) == 1


@of_group("two typos")
def test_two_typos(query: LabelledQuery) -> None:
    (label,) = query.relevant
    (name,) = FOLDED[label]
    typed = fold(query.text)
    assert distance(typed, name) == 2
    wrong = [meant for meant, written in zip(name.split(), typed.split(), strict=True) if meant != written]
    assert all(len(word) >= 8 for word in wrong)


@of_group("words")
def test_words(query: LabelledQuery) -> None:
    found = {label for label, own in FOLDED.items() if any(begins(query.text, name.split()) for name in own)}
    assert found == set(query.relevant)
    assert len(query.text.split()) >= 2
    (label,) = found
    assert not any(name.casefold().startswith(query.text.casefold()) for name in NAMES[label])


@of_group("two fields")
def test_two_fields(query: LabelledQuery) -> None:
    assert not any(begins(query.text, name.split()) for own in FOLDED.values() for name in own)
    album_of = {f"{album.artist}/{album.slug}": album.title for album in LIBRARY.albums}
    artist_of = {artist.handle: artist.display_name for artist in LIBRARY.artists}
    found = set()
    for track in LIBRARY.tracks:
        beside = [artist_of[track.artist], track.artist, album_of[f"{track.artist}/{track.album}"], *track.tags]
        title = fold(track.title).split()
        both = fold(" ".join(beside)).split() + title
        if begins(query.text, both) and any(
            word.startswith(typed) for typed in fold(query.text).split() for word in title
        ):
            found.add(f"track:{track.artist}/{track.title}")
    assert found == set(query.relevant)
