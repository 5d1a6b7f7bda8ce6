"""Queries that are made to cost much, out of the catalogue's own words."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

LONGEST = 100
"""Characters that the search box and `GET /search/` take."""


@dataclass(frozen=True)
class Words:
    """What a catalogue has.

    Attributes:
        common: Words that many names have, the commonest first.
        others: Any words.
        titles: Any names, normalised.
    """

    common: Sequence[str]
    others: Sequence[str]
    titles: Sequence[str]


Make = Callable[[random.Random, Words], str]


def make_query(form: str, dice: random.Random, words: Words) -> str:
    """A query of a form, as long as the search box takes it."""
    return FORMS[form](dice, words)[:LONGEST]


def _letters(dice: random.Random, least: int, most: int) -> list[str]:
    return [dice.choice(ascii_lowercase) for _ in range(dice.randint(least, most))]


def _some(dice: random.Random, words: Sequence[str], most: int) -> list[str]:
    return dice.sample(words, min(len(words), dice.randint(1, most)))


def _typo(dice: random.Random, word: str) -> str:
    place = dice.randrange(len(word))
    return word[:place] + dice.choice(ascii_lowercase) + word[place + 1 :]


def _beginnings(dice: random.Random, words: Sequence[str], most: int) -> str:
    return " ".join(word[: dice.randint(1, most)] for word in _some(dice, words, 25))


def _repeated_letters(dice: random.Random, _: Words) -> str:
    return (" ".join(_letters(dice, 2, 8)) + " ") * LONGEST


def _inside(dice: random.Random, words: Words) -> str:
    word = dice.choice([*words.common, *words.others])
    return word[1 : dice.randint(3, 5)]


FORMS: dict[str, Make] = {
    "letters": lambda dice, _: " ".join(_letters(dice, 1, 8)),
    "letters, repeated": _repeated_letters,
    "fifty letters": lambda dice, _: " ".join(_letters(dice, 50, 50)),
    "common words": lambda dice, words: " ".join(_some(dice, words.common, 16)),
    "the commonest words": lambda dice, words: " ".join(_some(dice, words.common[:20], 8)),
    "common words, then letters": lambda dice, words: " ".join(
        [*_some(dice, words.common[:30], 6), *_letters(dice, 1, 4)]
    ),
    "letters, then common words": lambda dice, words: " ".join(
        [*_letters(dice, 1, 4), *_some(dice, words.common[:30], 6)]
    ),
    "beginnings of words": lambda dice, words: _beginnings(dice, words.others, 4),
    "beginnings of common words": lambda dice, words: _beginnings(dice, words.common, 3),
    "words": lambda dice, words: " ".join(_some(dice, words.others, 12)),
    "a common word, repeated": lambda dice, words: (dice.choice(words.common) + " ") * 30,
    "a rare word, then letters": lambda dice, words: " ".join([dice.choice(words.others), *_letters(dice, 1, 40)]),
    "a rare word, then common ones": lambda dice, words: " ".join(
        [dice.choice(words.others), *_some(dice, words.common, 6)]
    ),
    "typos": lambda dice, words: " ".join(_typo(dice, word) for word in _some(dice, words.others, 12)),
    "typos of common words": lambda dice, words: " ".join(_typo(dice, word) for word in _some(dice, words.common, 12)),
    "a typo, then common words": lambda dice, words: " ".join(
        [_typo(dice, dice.choice(words.common)), *_some(dice, words.common, 6)]
    ),
    "a title, then letters": lambda dice, words: " ".join([dice.choice(words.titles), *_letters(dice, 1, 5)]),
    "a title with typos": lambda dice, words: " ".join(_typo(dice, word) for word in dice.choice(words.titles).split()),
    "inside a word": _inside,
    "three letters": lambda dice, _: "".join(_letters(dice, 3, 3)),
    "a long word": lambda dice, _: "".join(_letters(dice, LONGEST, LONGEST)),
    "words that are none": lambda dice, _: " ".join("".join(_letters(dice, 3, 9)) for _ in range(15)),
}
"""Each form with what makes a query of it."""
