"""Runs 0013_counted_words.sql."""

from app.database.sql_files import run_sql_beside

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
