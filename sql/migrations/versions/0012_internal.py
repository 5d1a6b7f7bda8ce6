"""Runs 0012_internal.sql."""

from app.database.sql_files import run_sql_beside

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
