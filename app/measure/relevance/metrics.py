"""How good one ranking is, from the grades of what it lists.

A ranking is given as the grades of its places, best place first: 0 where the place is wrong, 1 or more where it is
relevant. The ideal is the grades of everything relevant, in any order, listed or not.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Self

NDCG_CUTOFF = 10
"""Places that nDCG looks at."""


@dataclass(frozen=True)
class Scores:
    """All metrics of one ranking, or their means over several; each is 0 to 1.

    Attributes:
        success_at_1: Whether the first place is relevant.
        success_at_5: Whether one of the first five is.
        success_at_10: Whether one of the first ten is.
        reciprocal_rank: 1 / the first relevant place; its mean over queries is MRR.
        ndcg_at_10: Normalised discounted cumulative gain of the first ten places.
        average_precision: Its mean over queries is MAP.
    """

    success_at_1: float
    success_at_5: float
    success_at_10: float
    reciprocal_rank: float
    ndcg_at_10: float
    average_precision: float

    @classmethod
    def of_ranking(cls, ranking: Sequence[int], ideal: Sequence[int]) -> Self:
        """Every metric of one ranking.

        Args:
            ranking: Grades of the places, best place first.
            ideal: Grades of everything that is relevant.
        """
        return cls(
            success_at(ranking, 1),
            success_at(ranking, 5),
            success_at(ranking, 10),
            reciprocal_rank(ranking),
            ndcg_at(ranking, ideal, NDCG_CUTOFF),
            average_precision(ranking, len(ideal)),
        )

    @classmethod
    def mean(cls, several: Iterable[Self]) -> Self:
        """The mean of each metric.

        Raises:
            ValueError: There is nothing to average.
        """
        columns = list(zip(*(astuple(scores) for scores in several), strict=True))
        if not columns:
            raise ValueError("no scores: a mean needs one at least")
        return cls(*(math.fsum(column) / len(column) for column in columns))

    def as_dict(self) -> dict[str, float]:
        """For JSON, by the metrics' names."""
        return {field.name: round(getattr(self, field.name), 4) for field in fields(self)}


def success_at(ranking: Sequence[int], cutoff: int) -> float:
    """1 when one of the first ``cutoff`` places is relevant, else 0."""
    return float(any(ranking[:cutoff]))


def reciprocal_rank(ranking: Sequence[int]) -> float:
    """1 / the first relevant place; 0 when none is.

    Voorhees, The TREC-8 Question Answering Track Report (1999).
    """
    return next((1 / place for place, grade in enumerate(ranking, start=1) if grade), 0.0)


def average_precision(ranking: Sequence[int], relevant: int) -> float:
    """The precision down to each relevant place, summed and divided by the number of everything relevant.

    What is relevant and not listed therefore counts as found nowhere. Manning, Raghavan and Schütze, Introduction to
    Information Retrieval, section 8.4.

    Args:
        ranking: Grades of the places, best place first.
        relevant: How much is relevant, listed or not.
    """
    found, total = 0, 0.0
    for place, grade in enumerate(ranking, start=1):
        if grade:
            found += 1
            total += found / place
    return total / relevant if relevant else 0.0


def gain(grade: int) -> int:
    """What a place of this grade is worth: 2^grade - 1, so that each grade is worth more than two of the one below.

    Burges et al., Learning to Rank using Gradient Descent (ICML 2005).
    """
    return (1 << grade) - 1


def discount(place: int) -> float:
    """What a place weighs, counted from 1: 1 / log2(1 + place).

    Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques (ACM TOIS 20, 2002) divide by the
    logarithm of the place; Burges et al. (2005) shifted it by one, so that the second place weighs less than the first.
    """
    return 1 / math.log2(1 + place)


def dcg_at(ranking: Sequence[int], cutoff: int) -> float:
    """Discounted cumulative gain of the first ``cutoff`` places."""
    return math.fsum(gain(grade) * discount(place) for place, grade in enumerate(ranking[:cutoff], start=1))


def ndcg_at(ranking: Sequence[int], ideal: Sequence[int], cutoff: int) -> float:
    """The gain of the first ``cutoff`` places as a share of what the best possible order gets."""
    best = dcg_at(sorted(ideal, reverse=True), cutoff)
    return dcg_at(ranking, cutoff) / best if best else 0.0
