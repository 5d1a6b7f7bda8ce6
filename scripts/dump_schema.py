"""Writes the migrated schema to sql/schema.sql, so that a migration is reviewed as a readable difference.

Example:
    python -m scripts.dump_schema
"""

import tempfile
from pathlib import Path

from app.database import EmbeddedPostgres, migrate
from app.database.dump import SCHEMA_FILE, dump_schema
from app.providers import build_providers
from app.settings import Settings


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
