"""Names as skewed as real ones, out of made-up words."""

import random

import numpy as np
from numpy.typing import NDArray

_ONSETS = ("b", "br", "c", "ch", "d", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pr", "r", "s", "sh",
           "st", "t", "th", "tr", "v", "w", "y", "z", "")  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "ee", "ie", "oo", "ou")
_CODAS = ("", "", "", "n", "r", "l", "s", "t", "nd", "ng", "st", "ck", "m", "rd")


def make_vocabulary(size: int, *, seed: int) -> list[str]:
    """Different words of three letters or more, the commonest first and on average the shortest.

    Args:
        size: How many.
        seed: The same one gives the same words.
    """
    dice = random.Random(seed)  # noqa: S311 - makes names, guards nothing
    found: dict[str, None] = {}
    while len(found) < size:
        chance = min(0.75, 0.2 + len(found) / (2.0 * size))
        syllables = 1 + sum(dice.random() < chance for _ in range(3))
        word = "".join(dice.choice(_ONSETS) + dice.choice(_VOWELS) for _ in range(syllables)) + dice.choice(_CODAS)
        if len(word) > 2:
            found.setdefault(word)
    return list(found)


class Names:
    """Draws names out of a vocabulary by a Zipf-Mandelbrot law (Mandelbrot 1953: exponent 1, shift 2.7).

    Args:
        vocabulary: The commonest word first.
        seed: Of the random generator.
    """

    def __init__(self, vocabulary: list[str], *, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._words: NDArray[np.object_] = np.array(vocabulary, dtype=object)
        weights = 1.0 / (np.arange(len(vocabulary)) + 2.7)
        self._cumulative = np.cumsum(weights / weights.sum())

    def draw(self, count: int, lengths: tuple[float, ...]) -> list[str]:
        """Names of one or more words, each word with a capital.

        Args:
            count: How many.
            lengths: Probability of one word, two words, and so on.
        """
        words_each = self._random.choice(len(lengths), count, p=lengths) + 1
        drawn = np.searchsorted(self._cumulative, self._random.random(int(words_each.sum())))
        chosen = self._words[np.minimum(drawn, self._words.size - 1)]
        ends = np.cumsum(words_each)
        return [" ".join(chosen[start:end]).title() for start, end in zip(ends - words_each, ends, strict=True)]
