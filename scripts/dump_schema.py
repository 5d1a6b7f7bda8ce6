"""Writes the migrated schema to sql/schema.sql, so that a migration is reviewed as a readable difference.

Example:
    python -m scripts.dump_schema
"""

import re
import subprocess
import tempfile
from pathlib import Path

from app.database import EmbeddedPostgres, find_program, migrate
from app.database.sql_files import SQL_DIR
from app.providers import build_providers
from app.settings import Settings

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


def main() -> None:
    """Migrate an empty database and write what came out."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as server,
    ):
        migrate(server.url, build_providers(Settings(_env_file=None)).embedding.card)
        SCHEMA_FILE.write_text(dump_schema(server.url), encoding="utf-8")
    print(f"wrote {SCHEMA_FILE.name}")  # noqa: T201 - a command's own output


if __name__ == "__main__":
    main()
