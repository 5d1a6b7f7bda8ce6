"""Runs 0009_map.sql."""

from app.database.sql_files import run_sql_beside

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
