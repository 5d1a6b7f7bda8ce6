"""Runs 0005_model_switch.sql."""

from app.database.sql_files import run_sql_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
