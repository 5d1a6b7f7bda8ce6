"""Runs 0007_stored_audio.sql."""

from app.database.sql_files import run_sql_beside

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
