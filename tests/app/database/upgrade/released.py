"""Digests of released migrations, by which a change of one is noticed."""

import hashlib
from pathlib import Path

from app.database.sql_files import SQL_DIR

VERSIONS = SQL_DIR / "migrations" / "versions"
"""Folder of all migrations."""

RELEASED = SQL_DIR / "migrations" / "released.txt"
"""Digests of the released ones, as ``sha256sum`` writes and checks them."""


def differing(released: Path, folder: Path) -> list[str]:
    """Names of files that are not as they were released, or are gone."""
    return [name for name, digest in read_digests(released).items() if _digest(folder / name) != digest]


def freeze(released: Path, folder: Path) -> None:
    """Add the migrations that are not there yet; what is there stays as it is."""
    frozen = read_digests(released)
    # what is done before a migration leaves nothing that the migration would not make
    files = (path for path in folder.glob("[0-9]*_*.sql") if not path.name.endswith(".before.sql"))
    digests = {path.name: str(_digest(path)) for path in files} | frozen
    released.write_text("".join(f"{digests[name]}  {name}\n" for name in sorted(digests)), encoding="utf-8")


def read_digests(released: Path) -> dict[str, str]:
    """The digest of each file by its name."""
    lines = [line.split(maxsplit=1) for line in released.read_text(encoding="utf-8").splitlines()]
    return {name: digest for digest, name in lines}


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
