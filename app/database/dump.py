"""The schema of a database as SQL that a person can review."""

import re
import subprocess

from app.database.postgres_server import find_program
from app.database.sql_files import SQL_DIR

SCHEMA_FILE = SQL_DIR / "schema.sql"
"""The committed dump."""

_HEADER = "-- What the migrations make. Written by `make schema`; a test fails when it is stale.\n\n"


def dump_schema(url: str) -> str:
    """The schema of a database as SQL, without what differs between servers and between two dumps."""
    command = [str(find_program("pg_dump")), "--schema-only", "--no-owner", "--no-privileges", "--dbname", url]
    dumped = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - a fixed program
    kept = [
        line
        for line in dumped.splitlines()
        if not line.startswith(("-- Dumped", r"\restrict", r"\unrestrict", "SET ", "SELECT pg_catalog.set_config"))
    ]
    return _HEADER + re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() + "\n"
