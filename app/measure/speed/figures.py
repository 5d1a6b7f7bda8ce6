"""Figures out of measured times."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from app.measure.speed.clients import Runs


@dataclass(frozen=True)
class Figures:
    """Percentiles of times in milliseconds, interpolated linearly.

    Attributes:
        runs: How many.
        p50: Median.
        p95: 95th percentile.
        p99: 99th percentile.
        worst: The longest.
    """

    runs: int
    p50: float
    p95: float
    p99: float
    worst: float

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> "Figures":
        """Of at least one time.

        Raises:
            ValueError: There is none.
        """
        if not milliseconds:
            raise ValueError("no times")
        p50, p95, p99 = np.percentile(milliseconds, (50, 95, 99)).tolist()
        return cls(len(milliseconds), p50, p95, p99, max(milliseconds))

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def throughput(runs: Runs) -> float:
    """Queries a second, all clients together."""
    return len(runs.all) / runs.seconds if runs.seconds else 0.0
