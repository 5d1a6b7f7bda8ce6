"""Doing what tracks lack: through the queue, or in this process."""

from app.processing.backfill.embeddings import backfill_embeddings
from app.processing.backfill.genres import backfill_genres
from app.processing.backfill.run import Choices

__all__ = ["Choices", "backfill_embeddings", "backfill_genres"]
