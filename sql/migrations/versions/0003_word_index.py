"""Runs 0003_word_index.sql."""

from app.database.sql_files import run_sql_beside

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
