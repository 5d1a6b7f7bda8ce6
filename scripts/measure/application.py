"""An application that searches and writes all the time, and what it notices."""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from app.measure.speed.figures import Figures
from app.measure.speed.sizes import Sizes

Connection = psycopg.Connection[tuple[object, ...]]

_WRITES = {
    "play": "update tracks set play_count = play_count + 1 where id = %(track)s",
    "retitle": "update tracks set title = title || ' ' where id = %(track)s",
    "upload": (
        "insert into tracks (title, file_id, file_type, artist_did, album_id, created_at) "
        "select title, file_id, file_type, artist_did, album_id, now() from tracks where id = %(track)s"
    ),
    "tag": "insert into track_tags values (%(track)s, %(tag)s) on conflict do nothing",
}


class Application:
    """Writes all the time, and notes how long each write took."""

    def __init__(self, url: str, sizes: Sizes) -> None:
        self._url, self._sizes = url, sizes
        self._over = threading.Event()
        self.phase = "before"
        self.milliseconds: dict[str, list[float]] = {"before": [], "during": [], "after": []}

    @contextmanager
    def running(self) -> Iterator[None]:
        """In a thread of its own.

        Raises:
            psycopg.Error: A write failed.
        """
        with ThreadPoolExecutor(1) as pool:
            writer = pool.submit(self._write)
            try:
                yield
            finally:
                self._over.set()
            writer.result()

    def _write(self) -> None:
        draw = random.Random(1)  # noqa: S311 - the same writes in every run
        statements = list(_WRITES.values())
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._over.is_set():
                values = {"track": draw.randint(1, self._sizes.tracks), "tag": draw.randint(1, self._sizes.tags)}
                phase, began = self.phase, time.perf_counter()
                connection.execute(draw.choice(statements).encode(), values)
                self.milliseconds[phase].append(1000 * (time.perf_counter() - began))
                time.sleep(0.002)


def render_writes(figures: Mapping[str, Figures], done: str = "writes") -> Table:
    """A row for each phase: how many there were, and how long they took."""
    names = ("p50", "p95", "p99", "worst")
    headings = (Column(f"{name} ms", justify="right") for name in names)
    table = Table("", Column(done, justify="right"), *headings, box=SIMPLE_HEAD)
    for phase, found in figures.items():
        table.add_row(phase, f"{found.runs:,}", *(f"{getattr(found, name):.1f}" for name in names))
    return table
