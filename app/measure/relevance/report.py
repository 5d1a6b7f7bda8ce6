"""What was measured: scores of each query, means, and how sure the difference is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.measure.relevance.bootstrap import BootstrapInterval, bootstrap_difference
from app.measure.relevance.labels import LabelledQuery, Ranking
from app.measure.relevance.metrics import Scores

OURS, KEYWORD_MODE, MOOD_MODE, CHANCE = "vibe_search", "predecessor", "predecessor_mood", "chance"
"""Names of the rankings that are compared; the predecessor has two modes, and people choose one."""

COMPARED_METRICS = ("ndcg_at_10", "average_precision")
"""Metrics whose difference is given with its confidence."""


@dataclass(frozen=True)
class QueryResult:
    """How the rankings did on one query.

    Attributes:
        query: What was asked.
        relevant: How many entities are relevant.
        scores: By the name of the ranking.
    """

    query: LabelledQuery
    relevant: int
    scores: Mapping[str, Scores]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"text": self.query.text, "group": self.query.group, "relevant": self.relevant} | {
            name: scores.as_dict() for name, scores in self.scores.items()
        }


@dataclass(frozen=True)
class Evaluation:
    """How the rankings did on the queries of one file.

    Attributes:
        file: Name of the file.
        by: What ranked.
        model: Identity of the model.
        candidates: How many entities there are to rank.
        page: How many places were looked at.
        left_out: Queries that this ranking cannot answer: by sound, those that look for no track.
        results: One a query.
    """

    file: str
    by: Ranking
    model: str
    candidates: int
    page: int
    left_out: int
    results: list[QueryResult]

    @property
    def rankings(self) -> list[str]:
        """Names of what was compared, ours first."""
        return list(self.results[0].scores)

    @property
    def baseline(self) -> str:
        """What ours is compared with: that mode of the replaced system which has the higher MAP, or chance by sound."""
        modes = [name for name in (KEYWORD_MODE, MOOD_MODE) if name in self.rankings]
        return max(modes, key=lambda name: self.mean(name).average_precision, default=CHANCE)

    @property
    def groups(self) -> dict[str, list[QueryResult]]:
        """Results by group, in the file's order; empty when the file has no groups."""
        groups: dict[str, list[QueryResult]] = {}
        for result in self.results:
            groups.setdefault(result.query.group, []).append(result)
        return {} if set(groups) == {""} else groups

    def mean(self, ranking: str, results: list[QueryResult] | None = None) -> Scores:
        """Mean scores of one ranking, over all queries or over some."""
        return Scores.mean(result.scores[ranking] for result in results or self.results)

    def difference(self, metric: str) -> BootstrapInterval:
        """Ours less the baseline, in one of the metrics of ``Scores``."""
        ours, others = (
            [float(getattr(result.scores[name], metric)) for result in self.results] for name in (OURS, self.baseline)
        )
        return bootstrap_difference(ours, others)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "file": self.file,
            "by": self.by.value,
            "model": self.model,
            "candidates": self.candidates,
            "page": self.page,
            "left_out": self.left_out,
            **{name: self.mean(name).as_dict() for name in self.rankings},
            "difference": {"to": self.baseline}
            | {metric: self.difference(metric).as_dict() for metric in COMPARED_METRICS},
            "groups": [
                {"group": group, "queries": len(results)}
                | {name: self.mean(name, results).as_dict() for name in self.rankings}
                for group, results in self.groups.items()
            ],
            "queries": [result.as_dict() for result in self.results],
        }
