"""Runs 0016_audiences.sql."""

from app.database.sql_files import run_sql_beside

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
