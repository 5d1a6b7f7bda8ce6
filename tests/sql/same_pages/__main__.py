"""Writes down what every query finds now. Run it after a deliberate change of the ranking, and read the difference."""

import tempfile
from pathlib import Path

from app.database import EmbeddedPostgres
from tests.sql.same_pages.pages import GOLDEN, prepare, read_pages


def main() -> None:
    """Prepare a database of its own, ask, and write."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as server,
    ):
        prepare(server.url)
        GOLDEN.write_text("".join(f"{page.line}\n" for page in read_pages(server.url)), encoding="utf-8")
    print(f"wrote {GOLDEN.name}, {GOLDEN.stat().st_size:,} bytes")  # noqa: T201 - a command's own output


main()
