"""Runs 0010_key_types.sql."""

from app.database.sql_files import run_sql_beside

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
