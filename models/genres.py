"""Genres and how sure a model is of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.audio.decoding import Waveform

_SEPARATOR = "---"


@dataclass(frozen=True, slots=True)
class GenrePrediction:
    """A genre that a track may belong to.

    Attributes:
        name: The genre, in lower case.
        confidence: Probability from 0 to 1, rounded to four decimals.
    """

    name: str
    confidence: float


class GenreModel(Protocol):
    """A model that names genres."""

    def genre_predictions(self, waveform: Waveform, top: int = 10) -> list[GenrePrediction]:
        """Name a track's most probable genres.

        Args:
            waveform: Mono samples at the model's sample rate, shape `(samples,)`.
            top: How many genres to name at most.

        Returns:
            Distinct genres, most confident first, equal ones as `rank_genres` has them.

        Raises:
            ValueError: The waveform has no samples, more than one dimension, or values that are not finite.
        """


def split_labels(scores: Iterable[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Make labels of the Discogs taxonomy into names: `Electronic---Ambient` is `Electronic` and `Ambient`.

    Args:
        scores: Labels, `Genre---Subgenre` or one name alone, and their probabilities.

    Yields:
        The genre, then the subgenre, each with the label's probability; `rank_genres` merges what occurs twice.
    """
    for label, confidence in scores:
        for name in label.split(_SEPARATOR):
            if name.strip():
                yield name.strip(), confidence


def rank_genres(scores: Iterable[tuple[str, float]], top: int) -> list[GenrePrediction]:
    """Merge, sort and cut scores.

    Args:
        scores: Genre names in any spelling of case, and their probabilities; a repeated name keeps its highest.
        top: How many genres to keep at most.

    Returns:
        Most confident first. Equal ones stay in the order in which their names came first: so a genre stands before
        the subgenre that it got its probability from.
    """
    best: dict[str, float] = {}
    for name, confidence in scores:
        key = name.lower()
        best[key] = max(round(float(confidence), 4), best.get(key, 0.0))
    ranked = sorted(best.items(), key=lambda item: -item[1])
    return [GenrePrediction(name, confidence) for name, confidence in ranked[: max(top, 0)]]
