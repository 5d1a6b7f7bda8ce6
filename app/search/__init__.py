"""Searching: by name, by description, by track and by clip."""

from app.search.answer import ENTITY_TYPES, Answer, Hit, parse_types
from app.search.clips import BusyError, ClipReader, Heard
from app.search.search import Search, UnknownTrackError
from app.search.serving_model import ServingModel
from app.search.vector_backend import MirrorBackend

__all__ = [
    "ENTITY_TYPES",
    "Answer",
    "BusyError",
    "ClipReader",
    "Heard",
    "Hit",
    "MirrorBackend",
    "Search",
    "ServingModel",
    "UnknownTrackError",
    "parse_types",
]
