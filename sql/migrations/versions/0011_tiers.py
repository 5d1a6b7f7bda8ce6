"""Runs 0011_tiers.sql."""

from app.database.sql_files import run_sql_beside

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
