"""Dumps the states of this version, for the tests of later ones, and freezes its migrations.

Example:
    python -m tests.app.database.upgrade
"""

import tempfile
from pathlib import Path

from app.database import EmbeddedPostgres
from app.database.schema import head
from app.providers import build_providers
from app.settings import Settings
from tests.app.database.upgrade.released import RELEASED, VERSIONS, freeze
from tests.app.database.upgrade.states import State, build, list_rows, load_rows, write_state
from tests.support.databases import new_database


def main() -> None:
    """Make both databases, write their dumps, and add the digests of migrations that have none."""
    freeze(RELEASED, VERSIONS)
    model = build_providers(Settings(_env_file=None)).embedding.card
    with (
        tempfile.TemporaryDirectory(prefix="vibe-search-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as server,
    ):
        for adopted in (False, True):
            with new_database(server) as url:
                state = State(f"adopted-{head()}" if adopted else head())
                build(url, model, adopted=adopted)
                load_rows(url, list_rows(state))
                written = write_state(url, state)
            print(f"wrote {written.name}, {written.stat().st_size} bytes")  # noqa: T201 - a command's own output


if __name__ == "__main__":
    main()
