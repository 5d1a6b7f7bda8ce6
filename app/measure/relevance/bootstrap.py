"""How sure a difference between two rankings is, when it was measured on few queries."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_RESAMPLES = 10_000
_SEED = 20_260
_AT_ONCE = 500


@dataclass(frozen=True)
class BootstrapInterval:
    """The mean of paired differences, and how far it may be off.

    Attributes:
        mean: Ours less the other's.
        low: Lower end of the 95 % confidence interval; None for a single query, which says nothing of others.
        high: Its upper end.
    """

    mean: float
    low: float | None
    high: float | None

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def as_dict(self) -> dict[str, float | None]:
        """For JSON."""
        return {name: None if value is None else round(value, 4) for name, value in vars(self).items()}


def bootstrap_difference(ours: Sequence[float], others: Sequence[float]) -> BootstrapInterval:
    """Mean paired difference with its 95 % percentile bootstrap interval.

    The queries are drawn with replacement, as many as there are, 10,000 times and always in the same way; the interval
    holds the middle 95 % of the means. Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; for
    retrieval Sakai, Evaluating evaluation metrics based on the bootstrap (SIGIR 2006).

    Args:
        ours: A metric of each query.
        others: The same metric of the same queries, from the other ranking.

    Raises:
        ValueError: The two differ in length, or are empty.
    """
    if len(ours) != len(others) or not ours:
        raise ValueError("a paired difference needs both values of one query at least")
    differences = np.subtract(ours, others)
    mean = float(differences.mean())
    if len(differences) == 1:
        return BootstrapInterval(mean, None, None)
    randomness = np.random.default_rng(_SEED)
    # in portions: 10,000 drawings of a thousand queries at once would take 80 MB
    means = [
        differences[randomness.integers(0, len(differences), (_AT_ONCE, len(differences)))].mean(axis=1)
        for _ in range(_RESAMPLES // _AT_ONCE)
    ]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return BootstrapInterval(mean, float(low), float(high))
