"""Searches that are timed side by side, one module each."""

from app.measure.speed.contenders.contender import Contender, Session

__all__ = ["Contender", "Session"]
