"""Runs 0017_former_functions.sql."""

from app.database.sql_files import run_sql_beside

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
