"""What the figures are held against."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One figure and its target.

    Attributes:
        name: What is measured.
        value: The figure.
        target: What it should be.
        at_least: Whether more is better.
        unit: Behind the figure.
    """

    name: str
    value: float
    target: float
    at_least: bool
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.value >= self.target if self.at_least else self.value <= self.target

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"met": self.met}


RATIOS = {"p50": 3.0, "p95": 8.0, "p99": 15.0}
"""A percentile of vibe-search over the median of the bare HNSW query, at most."""

PREDECESSOR = 100.0
"""Median of the predecessor's search by name over that of vibe-search, at least."""

SUCCESS = {"exact title": 1.0, "begun title": 0.95, "one typo": 0.95, "two typos": 0.85}
"""Known items found, at least."""

RECALL = 0.98
"""Of the nearest tracks found, at least."""

INSERT_MS = 2.0
"""What search adds to inserting a track, at the median, at most."""

RENAME_MS = 300.0
"""Renaming an artist with 1,000 tracks, at most."""

HTTP_P95_MS = 15.0
"""The endpoint's 95th percentile, at most."""

TEXT_RATIO = 4.0
"""Median of the replaced way to embed a text over ours, at least."""

WINDOWS_RATIO = 2.0
"""Windows of audio in a second over those of the replaced way, at least."""

MEMORY_MB = 450.0
"""Of the serving process with the text half of the model, at most."""
