"""Runs 0008_mirror.sql."""

from app.database.sql_files import run_sql_beside

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
