"""Doing what tracks lack: through the queue, or in this process."""

from app.backfill.inline import Work
from app.backfill.run import Choices, run_backfill
from app.backfill.targets import Backfill

__all__ = ["Backfill", "Choices", "Work", "run_backfill"]
