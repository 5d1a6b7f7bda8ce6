"""How well a search finds what people mean, measured on labelled queries."""

from app.measure.relevance.harness import Harness, open_harness
from app.measure.relevance.labels import LabelledFile, LabelledQuery, Ranking, load_labels
from app.measure.relevance.metrics import Scores
from app.measure.relevance.report import COMPARED_METRICS, OURS, Evaluation, QueryResult

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
