"""What a similarity is worth: fitting logistic curves to labelled scores.

The mathematics and its sources are in docs/why/confidence.md.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TEXTS = Path(__file__).with_name("calibration_texts.toml")
"""The bank of texts that describe a sound, and of texts that do not."""

DESCRIBING_SHARE = 0.25
"""What is typed into a search box is a name more often than not; so a text has to speak of sound clearly."""

_MOST_STEPS = 100
_CONVERGED = 1e-10
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class LogisticCurve:
    """Log-odds as a straight line of a score.

    Attributes:
        slope: Log-odds for each unit of the score.
        intercept: Log-odds at score 0.
    """

    slope: float
    intercept: float

    def probability(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """1 / (1 + exp(-(slope * score + intercept))), of the same shape as the scores."""
        odds = np.clip(self.slope * scores + self.intercept, -700, 700)
        result: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
        return result


@dataclass(frozen=True, slots=True)
class CalibrationTexts:
    """The bank.

    Attributes:
        descriptions: What listeners write when they look for a sound.
        unrelated: Texts that say nothing about a sound.
    """

    descriptions: tuple[str, ...]
    unrelated: tuple[str, ...]


def load_texts(path: Path = TEXTS) -> CalibrationTexts:
    """Read the bank.

    Raises:
        OSError: The file cannot be read.
        KeyError: One of the two lists is missing.
    """
    lists = tomllib.loads(path.read_text(encoding="utf-8"))
    return CalibrationTexts(tuple(lists["descriptions"]), tuple(lists["unrelated"]))


def fit_logistic(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> LogisticCurve:
    """Fit the curve that turns a score into the probability of being positive, both classes counting the same.

    Maximum likelihood by Newton's method, with the targets of Platt (1999) instead of 0 and 1, so that classes which a
    score separates perfectly do not drive the slope to infinity (Lin, Lin and Weng, 2007). Each class has half the
    weight, so that 0.5 means as likely from one as from the other, whatever the number of examples.

    Args:
        scores: Shape `(examples,)`.
        positive: Which are positive, shape `(examples,)`.

    Returns:
        The curve.

    Raises:
        ValueError: A class has no examples, or a score is not finite.
    """
    count, others = int(positive.sum()), int((~positive).sum())
    if count == 0 or others == 0 or not np.isfinite(scores).all():
        raise ValueError("a curve needs finite scores of both classes")
    targets = np.where(positive, (count + 1) / (count + 2), 1 / (others + 2))
    weights = np.where(positive, 0.5 / count, 0.5 / others)
    # fitted to standardised scores: Newton's method then needs no safeguards
    centre, spread = scores.mean(), scores.std() or 1.0
    inputs = np.column_stack([(scores - centre) / spread, np.ones_like(scores)])
    line = np.zeros(2)
    for _ in range(_MOST_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ line, -30, 30)))
        gradient = inputs.T @ (weights * (chance - targets))
        curvature = (inputs * (weights * chance * (1 - chance))[:, None]).T @ inputs
        step = np.linalg.solve(curvature + 1e-12 * np.eye(2), gradient)
        line -= step
        if np.abs(step).max() < _CONVERGED:
            break
    return LogisticCurve(float(line[0] / spread), float(line[1] - line[0] * centre / spread))


def fit_sound_relatedness(
    sound_relatedness: Callable[[str], float], texts: CalibrationTexts, share: float = DESCRIBING_SHARE
) -> LogisticCurve:
    """Learn what a model's measure of sound relatedness means, from texts that describe a sound and texts that do not.

    Args:
        sound_relatedness: Of one text; a text without words, for which it raises ValueError, counts as 0.
        texts: The bank.
        share: Of the texts that people type, how many describe a sound.

    Returns:
        The curve from sound relatedness to the probability that a text describes a sound.
    """

    def measure(text: str) -> float:
        try:
            return sound_relatedness(text)
        except ValueError:
            return 0.0

    scores = np.array([measure(text) for text in (*texts.descriptions, *texts.unrelated)])
    balanced = fit_logistic(scores, np.arange(scores.size) < len(texts.descriptions))
    return LogisticCurve(balanced.slope, balanced.intercept + float(np.log(share / (1 - share))))


def standard_scores(similarities: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how many standard deviations each similarity exceeds the mean of its row.

    Args:
        similarities: Shape `(queries, tracks)`, at least two tracks.

    Returns:
        The same shape; 0 throughout a row whose similarities are all equal.
    """
    centred = similarities - similarities.mean(axis=1, keepdims=True)
    deviations = similarities.std(axis=1, ddof=1, keepdims=True)
    result: NDArray[np.float64] = np.divide(
        centred, deviations, out=np.zeros_like(centred), where=deviations > _ROUNDING
    )
    return result


def hubness(similarities: NDArray[np.float64], nearest: int = 10) -> float:
    """Skewness of how often each track is among the nearest of a query.

    Radovanović, Nanopoulos and Ivanović, "Hubs in space" (2010), section 2: 0 when all tracks are found equally often,
    large when a few are near everything.

    Args:
        similarities: Of a bank of queries to a sample of tracks, shape `(queries, tracks)`.
        nearest: How many tracks of each query count; at most a quarter of them are taken.

    Returns:
        The skewness; 0 when every track is found equally often.
    """
    queries, tracks = similarities.shape
    taken = max(1, min(nearest, tracks // 4))
    found = np.argpartition(-similarities, taken - 1, axis=1)[:, :taken]
    occurrences = np.bincount(found.ravel(), minlength=tracks).astype(np.float64)
    deviation = occurrences.std()
    if queries == 0 or deviation == 0:
        return 0.0
    return float((((occurrences - occurrences.mean()) / deviation) ** 3).mean())
