"""Runs 0004_signals.sql."""

from app.database.sql_files import run_sql_beside

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
