"""Runs 0001_catalogue.sql."""

from app.database.sql_files import run_sql_beside

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
