"""How well a search finds what people mean, measured on labelled queries."""

from app.evaluation.harness import Harness, open_harness
from app.evaluation.labels import LabelledFile, LabelledQuery, Ranking, load_labels
from app.evaluation.metrics import Scores
from app.evaluation.report import COMPARED_METRICS, OURS, Evaluation, QueryResult

__all__ = [
    "COMPARED_METRICS",
    "OURS",
    "Evaluation",
    "Harness",
    "LabelledFile",
    "LabelledQuery",
    "QueryResult",
    "Ranking",
    "Scores",
    "load_labels",
    "open_harness",
]
