"""Doing what tracks lack: through the queue, or in this process."""

from app.processing.backfill.inline import Work
from app.processing.backfill.run import Choices, run_backfill
from app.processing.backfill.targets import Backfill

__all__ = ["Backfill", "Choices", "Work", "run_backfill"]
