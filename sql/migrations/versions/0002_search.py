"""Runs 0002_search.sql."""

from app.database.sql_files import run_sql_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
