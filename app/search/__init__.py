"""Searching: by name, by description, by track and by clip."""

from app.search.answer import ENTITY_TYPES, Answer, Hit, parse_types
from app.search.clips import BusyError, ClipReader
from app.search.search import Search, UnknownTrackError

__all__ = ["ENTITY_TYPES", "Answer", "BusyError", "ClipReader", "Hit", "Search", "UnknownTrackError", "parse_types"]
