"""Names as people give them: skewed words, punctuation, and many scripts. The same seed always gives the same ones."""

import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")

_ONSETS = ("b", "br", "c", "ch", "d", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "r", "s", "st", "t",
           "th", "tr", "v", "w", "z", "")  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "oo")
_CODAS = ("", "", "", "n", "r", "l", "s", "t", "nd", "st", "ck", "m")

OTHER_WORDS = (
    "Карта", "озера", "Ночь", "город", "Ελλάδα", "θάλασσα", "مرحبا", "ليل", "שלום", "לילה", "地図", "台所", "夜の海",
    "東京", "北京", "한강", "노래", "กรุงเทพ", "Beyoncé", "Żurek", "naïve", "Straße", "İstanbul", "Ångström", "Don’t",
    "rock'n'roll", "Lo-Fi", "AC/DC", "!!!", "🥝🥝", "100%", "a_b", "c:\\d", "Ｆｕｌｌ", "œuvre", "Señor", "Ωmega", "№5",
    "(Live)", "feat.", "R&B", "x²",
)  # fmt: skip
"""Words that normalising, wildcards and trigrams treat in their own way."""


class Dice:
    """Draws that are the same in every version of Python: of random.Random only random() is promised to stay.

    Args:
        seed: The same one gives the same draws.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - makes names, guards nothing

    def below(self, limit: int) -> int:
        """A whole number from 0 to ``limit`` - 1, each as likely."""
        return int(self._random.random() * limit)

    def skewed(self, limit: int) -> int:
        """A whole number from 0 to ``limit`` - 1, the low ones much likelier."""
        return int(limit * self._random.random() ** 3)

    def pick(self, items: Sequence[Item]) -> Item:
        """One of them."""
        return items[self.below(len(items))]

    def chance(self, share: float) -> bool:
        """True in this share of all draws."""
        return self._random.random() < share

    def plays(self) -> int:
        """Plays of a track: a third have none, a few have a million."""
        return 0 if self.chance(0.3) else int(20 * (1 - self._random.random()) ** -1.25) - 20


def make_words(count: int, dice: Dice) -> list[str]:
    """Different words of three letters or more.

    Args:
        count: How many.
        dice: Decides.
    """
    found: dict[str, None] = {}
    while len(found) < count:
        syllables = 1 + dice.below(3)
        word = "".join(dice.pick(_ONSETS) + dice.pick(_VOWELS) for _ in range(syllables)) + dice.pick(_CODAS)
        if len(word) > 2:
            found.setdefault(word)
    return list(found)


class Names:
    """Draws names: a few words are in many of them.

    Args:
        dice: Decides.
    """

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self.words = make_words(1200, dice)

    def word(self) -> str:
        """One word, in lower case, or of another script in one case of fifteen."""
        if self._dice.chance(1 / 15):
            return self._dice.pick(OTHER_WORDS)
        return self.words[self._dice.skewed(len(self.words))]

    def name(self, most: int) -> str:
        """One to ``most`` words, each with a capital."""
        words = [self.word() for _ in range(1 + self._dice.below(most))]
        return " ".join(word[:1].upper() + word[1:] for word in words)
