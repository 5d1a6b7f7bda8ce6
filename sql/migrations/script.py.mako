"""Runs the .sql file of the same name."""

from app.database.sql_files import run_sql_beside

revision = "${up_revision}"
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
