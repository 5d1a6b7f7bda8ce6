"""Descriptions in people's own words become weights over a fixed set of tags.

A description is cut into known phrases and single words. Each of them is compared with everything that is
listed for each tag; a softmax over the tags' best cosines turns that into weights. Every word pulls with the same
strength: its weights are centred, so that a word which fits all tags alike carries no direction, and scaled to
length 1 before they are added up.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.musicnn.word_vectors import WordVectors

_WORD = re.compile(r"[^\W_]+")

# Beyond this many distinct words a text is not a description; reading it all would only take time.
_MOST_WORDS = 64


class TagLanguage:
    """Reads descriptions for one set of tags. Safe to use from several threads."""

    def __init__(self, tags: Sequence[str], thesaurus: Path, vectors: WordVectors, temperature: float) -> None:
        """Load the thesaurus and embed its phrases.

        Args:
            tags: Tag names in the order of the weights; a name may occur more than once.
            thesaurus: TOML file with `ignored`, `read_as` and `tags`.
            vectors: Embeds phrases.
            temperature: Of the softmax, in units of cosine; smaller means that fewer tags are considered.

        Raises:
            ValueError: The thesaurus lists a tag that does not exist, or `temperature` is not positive.
        """
        if temperature <= 0:
            raise ValueError(f"temperature must be positive, not {temperature}")
        with thesaurus.open("rb") as file:
            entries = tomllib.load(file)
        names = [tag.lower() for tag in tags]
        if unknown := sorted(set(entries["tags"]) - set(names)):
            raise ValueError(f"{thesaurus.name} lists tags that do not exist: {', '.join(unknown)}")
        self._ignored = frozenset(entries["ignored"])
        self._read_as: dict[str, str] = entries["read_as"]
        self._vectors = vectors
        self._temperature = temperature
        listed = [[" ".join(_words(phrase)) for phrase in (name, *entries["tags"].get(name, []))] for name in names]
        self._known = frozenset(phrase for phrases in listed for phrase in phrases)
        self._longest = max(len(phrase.split()) for phrase in self._known)
        self._negative = np.array([name.startswith("no ") for name in names])
        self._denials = frozenset(
            phrase for phrases, negative in zip(listed, self._negative, strict=True) if negative for phrase in phrases
        )
        self._phrases = vectors.embed([phrase for phrases in listed for phrase in phrases])
        # `np.maximum.reduceat` takes the best phrase of each tag: phrases lie tag by tag.
        self._firsts = np.cumsum([0, *(len(phrases) for phrases in listed)])[:-1]

    def weigh(self, text: str) -> NDArray[np.float64]:
        """Turn a description into a direction in tag space.

        Args:
            text: The description.

        Returns:
            A unit vector, shape `(tags,)`, whose entries add up to 0.

        Raises:
            ValueError: `"the text has no words"`.
        """
        segments = self.segment(text)
        embedded = self._vectors.embed(segments)
        readable = embedded.any(axis=1)
        if not readable.any():
            raise ValueError("the text has no words")
        cosines = np.maximum.reduceat(embedded @ self._phrases.T, self._firsts, axis=1)
        spoken = np.array([segment in self._denials for segment in segments])
        # "vocals" resembles "no vocals" in every word table, and means the opposite.
        cosines[np.ix_(~spoken, self._negative)] = -np.inf
        logits = (cosines - cosines.max(axis=1, keepdims=True)) / self._temperature
        weights = np.exp(logits)[readable]
        weights /= weights.sum(axis=1, keepdims=True)
        weights -= weights.mean(axis=1, keepdims=True)
        directions = weights / np.linalg.norm(weights, axis=1, keepdims=True)
        total: NDArray[np.float64] = directions.sum(axis=0)
        length = float(np.linalg.norm(total))
        # Opposite words could cancel out to nothing; then the first of them decides.
        return total / length if length > 1e-9 else directions[0]

    def sound_relatedness(self, text: str) -> float:
        """Say how close a description comes to what is listed.

        Args:
            text: The description.

        Returns:
            Mean over its segments of the cosine to the closest listed phrase, at most 1.

        Raises:
            ValueError: `"the text has no words"`.
        """
        cosines = self._vectors.embed(self.segment(text)) @ self._phrases.T
        return float(cosines.max(axis=1).mean())

    def segment(self, text: str) -> list[str]:
        """Cut a description into known phrases (longest first) and single words.

        Args:
            text: The description.

        Returns:
            Distinct segments in order of appearance, without words that carry no meaning, unless there is nothing
            else.

        Raises:
            ValueError: `"the text has no words"`.
        """
        words = [self._read_as.get(word, word) for word in _words(text)]
        if not words:
            raise ValueError("the text has no words")
        segments: list[str] = []
        position = 0
        while position < len(words) and len(segments) < _MOST_WORDS:
            length = next((n for n in range(self._longest, 1, -1) if self._is_known(words, position, n)), 1)
            segments.append(" ".join(words[position : position + length]))
            position += length
        meaningful = [segment for segment in segments if segment not in self._ignored]
        return list(dict.fromkeys(meaningful or segments))

    def _is_known(self, words: list[str], position: int, length: int) -> bool:
        return " ".join(words[position : position + length]) in self._known and position + length <= len(words)


def _words(text: str) -> list[str]:
    """Letters and digits in runs, compatibility forms unified, in lower case."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())
