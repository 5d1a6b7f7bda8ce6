"""A released migration stays as it is: databases have it, and no version runs it there again."""

import hashlib
from pathlib import Path

from app.database.sql_files import SQL_DIR

VERSIONS = SQL_DIR / "migrations" / "versions"
RELEASED = SQL_DIR / "migrations" / "released.txt"
"""Digests of released migrations, as ``sha256sum`` writes and checks them."""

WHAT_TO_DO = (
    "restore the file from the last release, and put the change into a new migration. Databases that have this one "
    "never run it again"
)


def test_released_migrations_are_unchanged() -> None:
    assert differing(RELEASED.read_text(encoding="utf-8"), VERSIONS) == [], WHAT_TO_DO


def test_every_state_is_of_a_frozen_migration() -> None:
    """A state is dumped when its version is released; from then on its migrations are frozen."""
    states = Path(__file__).with_name("states")
    dumped = {path.name.removeprefix("adopted-")[:4] for path in states.glob("*.sql.xz")}
    frozen = {name[:4] for name in digests(RELEASED.read_text(encoding="utf-8"))}
    assert dumped == frozen, "dump a state with python -m tests.app.database.upgrade, and add its migrations to released.txt"


def test_a_changed_and_a_removed_migration_are_named(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("select 1;\n", encoding="utf-8")
    (tmp_path / "0002_b.sql").write_text("select 2;\n", encoding="utf-8")
    digest = hashlib.sha256(b"select 1;\n").hexdigest()
    released = f"{digest}  0001_a.sql\n{digest}  0002_b.sql\n{digest}  0003_c.sql\n"
    assert differing(released, tmp_path) == ["0002_b.sql", "0003_c.sql"]


def differing(released: str, folder: Path) -> list[str]:
    """Names of files that are not as they were released, or are gone."""
    return [name for name, digest in digests(released).items() if digest_of(folder / name) != digest]


def digests(released: str) -> dict[str, str]:
    """The digest of each file by its name."""
    lines = [line.split(maxsplit=1) for line in released.splitlines()]
    return {name: digest for digest, name in lines}


def digest_of(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
