"""What search adds to writing, in one transaction that is rolled back."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from pgvector import HalfVector
from psycopg.sql import SQL, Identifier

from app.database import connect, load_statement
from app.measure.speed.build import Built
from app.measure.speed.contenders.unified import STATEMENT
from app.measure.speed.figures import Figures
from app.measure.speed.server import describe_machine, describe_server
from app.measure.speed.stages import Stages
from app.measure.speed.targets import INSERT_MS, RENAME_MS, Check

Connection = psycopg.Connection[Any]

BLOCKS = 3
"""How often writing with search and without take turns."""

WARM_UP = 25
"""Writes at the start of each block that are not timed: switching triggers discards the plans."""

RENAMES = 5
"""Each writes a thousand tracks' documents anew."""

_BIG_ARTIST = "did:plc:benchmark-of-renaming"


@dataclass(frozen=True)
class WritesResult:
    """What one run measured.

    Attributes:
        built: The database.
        times: Of inserting a track and of tagging one, each with search kept up to date and without, and of renaming.
        found: Whether the search after each renaming found the artist under the new name.
        machine: Cores and memory.
        server: Version and parameters of Postgres.
    """

    built: Built
    times: Mapping[str, Figures]
    found: bool
    machine: Mapping[str, str]
    server: Mapping[str, str]

    @property
    def added(self) -> dict[str, float]:
        """Milliseconds that search adds at the median, by what is written."""
        return {what: self.times[what].p50 - self.times[f"{what}, without search"].p50 for what in ("insert", "tag")}

    @property
    def checks(self) -> list[Check]:
        """Figures with targets."""
        return [
            Check("added to inserting a track, p50", self.added["insert"], INSERT_MS, at_least=False, unit=" ms"),
            Check("renaming an artist with 1,000 tracks, worst", self.times["rename"].worst, RENAME_MS, at_least=False,
                  unit=" ms"),
            Check("found under the new name", float(self.found), 1.0, at_least=True),
        ]  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "tracks": self.built.sizes.tracks,
            "database": self.built.name,
            "machine": dict(self.machine),
            "server": dict(self.server),
            "milliseconds": {name: figures.as_dict() for name, figures in self.times.items()},
            "added_p50_ms": self.added,
            "checks": [check.as_dict() for check in self.checks],
        }


def measure_writes(built: Built, inserts: int, stages: Stages) -> WritesResult:
    """Insert and tag tracks with search's triggers firing and not, in turn; rename an artist and search for it.

    Without them no name is kept up to date and no job is enqueued; foreign keys are checked in both cases.

    Args:
        built: The database.
        inserts: Tracks inserted with the triggers, and as many without, rounded down to a multiple of BLOCKS.
        stages: Shows progress.
    """
    with connect(built.url) as connection:
        try:
            times: dict[str, list[float]] = {
                name: [] for name in ("insert", "insert, without search", "tag", "tag, without search")
            }
            tracks = _insert_all(connection, inserts, times, stages)
            _tag_all(connection, tracks, times, stages)
            renames, found = _rename_all(connection, built, stages)
            figures = {name: Figures.of(values) for name, values in (times | {"rename": renames}).items()}
            return WritesResult(built, figures, found, describe_machine(), describe_server(connection))
        finally:
            connection.rollback()


def _insert_all(connection: Connection, inserts: int, times: dict[str, list[float]], stages: Stages) -> list[int]:
    new = iter(
        connection.execute(
            load_statement("benchmark_new_tracks"), {"count": 2 * (inserts + BLOCKS * WARM_UP)}
        ).fetchall()
    )
    tracks: list[int] = []
    with stages.stage("inserting", 2 * inserts) as advance:
        for block in range(2 * BLOCKS):
            with_search = block % 2 == 0
            name = "insert" if with_search else "insert, without search"
            with _triggers(connection, "tracks", fire=with_search):
                for number in range(WARM_UP + inserts // BLOCKS):
                    track, milliseconds = _insert(connection, next(new))
                    tracks.append(track)
                    if number >= WARM_UP:
                        times[name].append(milliseconds)
                        advance(1)
    return tracks


def _insert(connection: Connection, row: Sequence[Any]) -> tuple[int, float]:
    parameters = dict(zip(("title", "artist_did", "album_id"), row, strict=True))
    started = time.perf_counter()
    found = connection.execute(load_statement("benchmark_insert_track"), parameters).fetchone()
    milliseconds = (time.perf_counter() - started) * 1000
    return (int(found[0]) if found else 0), milliseconds


def _tag_all(connection: Connection, tracks: Sequence[int], times: dict[str, list[float]], stages: Stages) -> None:
    sets = connection.execute(load_statement("benchmark_tag_sets"), {"count": len(tracks)}).fetchall()
    each = len(sets) // (2 * BLOCKS)
    with stages.stage("tagging", 2 * BLOCKS * each) as advance:
        for block in range(2 * BLOCKS):
            with_search = block % 2 == 0
            with _triggers(connection, "track_tags", fire=with_search):
                for number in range(each):
                    place = block * each + number
                    started = time.perf_counter()
                    connection.execute(
                        "insert into public.track_tags select %s, unnest(%s::bigint[])", [tracks[place], sets[place][0]]
                    )
                    milliseconds = (time.perf_counter() - started) * 1000
                    if number >= min(WARM_UP, each - 1):
                        times["tag" if with_search else "tag, without search"].append(milliseconds)
                    advance(1)


def _rename_all(connection: Connection, built: Built, stages: Stages) -> tuple[list[float], bool]:
    """Milliseconds from the update to the search's last row, each time; whether the artist came first."""
    milliseconds, found = [], True
    vector = HalfVector(built.space.descriptions(1)[0]).to_text()
    with stages.stage("renaming", RENAMES + 1) as advance:
        connection.execute(load_statement("benchmark_big_artist"), {"did": _BIG_ARTIST})
        advance(1)
        for number in range(RENAMES):
            name = f"Quixotry {number} Vexillum"
            started = time.perf_counter()
            connection.execute("update public.artists set display_name = %s where did = %s", [name, _BIG_ARTIST])
            rows = connection.execute(STATEMENT, [name, vector]).fetchall()
            milliseconds.append((time.perf_counter() - started) * 1000)
            found = found and bool(rows) and rows[0][1] == name
            advance(1)
    return milliseconds, found


@contextmanager
def _triggers(connection: Connection, table: str, *, fire: bool) -> Iterator[None]:
    """Whether search's triggers on a table fire, meanwhile, in this transaction."""
    found = connection.execute(load_statement("benchmark_triggers"), {"table": table}).fetchall()
    names = [] if fire else [Identifier(name) for (name,) in found]
    for name in names:
        connection.execute(SQL("alter table public.{} disable trigger {}").format(Identifier(table), name))
    yield
    for name in names:
        connection.execute(SQL("alter table public.{} enable trigger {}").format(Identifier(table), name))
