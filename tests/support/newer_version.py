"""A newer version of the program than the one that runs the tests: a copy with more SQL."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[2]

_MIGRATE = """
import sys
from app.database import migrate
from app.providers import build_providers
from app.settings import Settings

print("\\n".join(migrate(sys.argv[1], build_providers(Settings(_env_file=None)).embedding.card)))
"""


class NewerVersion:
    """The program with the SQL of a later one.

    Args:
        folder: Where the copy is made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("app", "sql"):
            shutil.copytree(_PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("models", "services", "workers"):
            (folder / name).symlink_to(_PROJECT / name)

    def add_migration(self, sql: str, revision: str = "9000") -> None:
        """Add a migration after all others."""
        (self._folder / "sql" / "migrations" / "versions" / f"{revision}_newer.sql").write_text(sql, encoding="utf-8")

    def change(self, file: str, old: str, new: str) -> None:
        """Change the text of a file below ``sql``, in which the old one must be."""
        path = self._folder / "sql" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def migrate(self, url: str) -> list[str]:
        """Migrate a database, in a process of this version; what was done."""
        finished = subprocess.run(
            [sys.executable, "-c", _MIGRATE, url],
            cwd=self._folder,
            env=os.environ | {"PYTHONPATH": str(self._folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.splitlines()
