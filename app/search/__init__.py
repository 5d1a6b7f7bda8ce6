"""Searching: by name, by description, by track and by clip."""

from app.search.answer import ENTITY_TYPES, Answer, Explanation, Hit, Signal, parse_types
from app.search.clips import BusyError, ClipReader, ClipVector
from app.search.search import Search, UnknownTrackError
from app.search.serving_model import ServingModel
from app.search.vector_backend import MirrorBackend

__all__ = [
    "ENTITY_TYPES",
    "Answer",
    "BusyError",
    "ClipReader",
    "ClipVector",
    "Explanation",
    "Hit",
    "MirrorBackend",
    "Search",
    "ServingModel",
    "Signal",
    "UnknownTrackError",
    "parse_types",
]
