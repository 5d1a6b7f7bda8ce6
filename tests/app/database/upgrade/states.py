"""Databases of former versions: how they are made, dumped and restored.

A state is a database that a version has migrated or adopted, with the rows of the folder ``rows``. Its dump is in the
folder ``states``: ``NNNN.sql.xz`` or ``adopted-NNNN.sql.xz``. ``NNNN-first`` is the first of several with one revision,
where their functions differ.
"""

import lzma
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from app.database import adopt, find_program, load_rules, migrate

if TYPE_CHECKING:
    from models.registry import ModelCard

Connection = psycopg.Connection[Any]

RULES = "plyr.fm"
"""Rules by which the catalogue of ``rows/adopted.sql`` is adopted."""

_STATES = Path(__file__).with_name("states")
_ROWS = Path(__file__).with_name("rows")


@dataclass(frozen=True)
class State:
    """A database of a former version.

    Attributes:
        name: Of its dump.
    """

    name: str

    @property
    def adopted(self) -> bool:
        """Whether its catalogue is another application's."""
        return self.name.startswith("adopted-")

    @property
    def revision(self) -> str:
        """Its last migration."""
        return self.name.removeprefix("adopted-").partition("-")[0]

    def restore(self, url: str) -> None:
        """Make it in an empty database."""
        script = lzma.decompress(_path(self.name).read_bytes())
        # a trigger of the revision 0008 compares vectors, and its dump does not say in which schema their operators are
        script = script.replace(
            b"set_config('search_path', '', false)", b"set_config('search_path', 'public', false)", 1
        )
        with psycopg.connect(url) as connection:
            connection.execute(script)


def list_states() -> list[State]:
    """All that have a dump."""
    return [State(path.name.removesuffix(".sql.xz")) for path in sorted(_STATES.glob("*.sql.xz"))]


def build(url: str, model: "ModelCard", *, adopted: bool) -> None:
    """Migrate an empty database with the code of this version; or adopt a catalogue, which it gets first."""
    if adopted:
        with psycopg.connect(url) as connection:
            connection.execute((_ROWS / "adopted.sql").read_bytes())
        adopt(url, model, rules=load_rules(RULES))
    else:
        migrate(url, model)


def list_rows(state: State) -> list[Path]:
    """The files with the rows of a state: of all tables that the migrations up to its revision have made."""
    prefix = "search-" if state.adopted else ""
    scripts = sorted(_ROWS.glob(f"{prefix}[0-9]*.sql"))
    return [script for script in scripts if script.stem.removeprefix(prefix) <= state.revision]


def load_rows(url: str, scripts: Iterable[Path]) -> None:
    """Load the rows of a state into a database with its tables."""
    with psycopg.connect(url) as connection:
        connection.execute("set search_path = search, public")
        for script in scripts:
            connection.execute(script.read_bytes())


def write_state(url: str, state: State) -> Path:
    """Dump a database as a state; returns the file."""
    # privileges are dumped: functions that run as their owner are revoked from everyone else
    command = [str(find_program("pg_dump")), "--no-owner", "--rows-per-insert=200", "--dbname", url]
    dumped = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # which server it was, commands of psql, and a parameter that older servers lack
    kept = [
        line
        for line in dumped.splitlines()
        if not line.startswith(("-- Dumped", r"\restrict", r"\unrestrict", "SET transaction_timeout"))
    ]
    script = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() + "\n"
    path = _path(state.name)
    path.write_bytes(lzma.compress(script.encode(), preset=9 | lzma.PRESET_EXTREME))
    return path


def _path(name: str) -> Path:
    return _STATES / f"{name}.sql.xz"
