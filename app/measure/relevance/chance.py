"""What each metric gets on average from a uniformly random order, in closed form.

``total`` things are shuffled, ``relevant`` of them are relevant, and the first ``page`` places are looked at. Every
subset of places is then equally likely to hold the relevant ones.
"""

import math
from collections.abc import Sequence

from app.measure.relevance.metrics import NDCG_CUTOFF, Scores, dcg_at, discount, gain


def expected_scores(ideal: Sequence[int], total: int, page: int) -> Scores:
    """Every metric of a random order.

    Args:
        ideal: Grades of everything that is relevant.
        total: How many things are shuffled.
        page: How many places of the shuffled order are looked at.

    Raises:
        ValueError: More is relevant than there is.
    """
    relevant = len(ideal)
    if relevant > total:
        raise ValueError(f"{relevant} of {total} cannot be relevant")
    return Scores(
        expected_success(relevant, total, min(1, page)),
        expected_success(relevant, total, min(5, page)),
        expected_success(relevant, total, min(10, page)),
        expected_reciprocal_rank(relevant, total, page),
        expected_ndcg(ideal, total, page),
        expected_average_precision(relevant, total, page),
    )


def expected_success(relevant: int, total: int, cutoff: int) -> float:
    """Chance that one of the first ``cutoff`` places is relevant.

    All of them are wrong in C(total - relevant, cutoff) of the C(total, cutoff) ways of filling them: the
    hypergeometric distribution at 0.
    """
    cutoff = min(cutoff, total)
    return 1 - math.comb(total - relevant, cutoff) / math.comb(total, cutoff)


def expected_reciprocal_rank(relevant: int, total: int, page: int) -> float:
    """Mean of 1 / the first relevant place, 0 when the page has none.

    The place k is the first relevant one with the probability that none before it is, less the probability that none
    down to it is: with m(k) = C(total - relevant, k) / C(total, k), the sum over k of (m(k-1) - m(k)) / k.
    m(k) = m(k-1) (total - relevant - k + 1) / (total - k + 1), which needs no large binomials.
    """
    missed, mean = 1.0, 0.0
    for place in range(1, min(page, total) + 1):
        still_missed = missed * max(total - relevant - place + 1, 0) / (total - place + 1)
        mean += (missed - still_missed) / place
        missed = still_missed
    return mean


def expected_average_precision(relevant: int, total: int, page: int) -> float:
    """Mean average precision of the page.

    The place k is relevant with probability R/n, and then (k-1)(R-1)/(n-1) of the places before it are expected to
    be. Its precision, divided by R, adds up to: sum over k of (1 + (k-1)(R-1)/(n-1)) / (k n).
    """
    if not relevant or not page:
        return 0.0
    if total == 1:
        return 1.0
    earlier = (relevant - 1) / (total - 1)
    return math.fsum((1 + (place - 1) * earlier) / (place * total) for place in range(1, min(page, total) + 1))


def expected_ndcg(ideal: Sequence[int], total: int, page: int) -> float:
    """Mean nDCG of the first ten places, or of the page where it is shorter.

    The ideal does not depend on the order, and the mean of a sum is the sum of the means: each place is expected to
    hold the mean gain of all things, so the expected DCG is that mean times the discounts of the places.
    """
    best = dcg_at(sorted(ideal, reverse=True), NDCG_CUTOFF)
    mean_gain = sum(map(gain, ideal)) / total
    places = range(1, min(NDCG_CUTOFF, page, total) + 1)
    return mean_gain * math.fsum(map(discount, places)) / best if best else 0.0
