"""Runs 0006_tokens.sql."""

from app.database.sql_files import run_sql_beside

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
