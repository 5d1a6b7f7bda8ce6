"""Runs 0014_audio_uploads.sql."""

from app.database.sql_files import run_sql_beside

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Apply the statements of the file of the same name."""
    run_sql_beside(__file__)
