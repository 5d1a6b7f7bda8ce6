"""Searches that are timed side by side, one module each."""

from app.benchmark.contenders.contender import Contender, Session

__all__ = ["Contender", "Session"]
