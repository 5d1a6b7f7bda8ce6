"""Runs 0015_stale_tables.sql."""

from app.database.sql_files import run_sql_beside

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
