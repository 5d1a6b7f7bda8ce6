"""Measure an upgrade that makes all documents anew: how long it takes, and what searches and writers notice of it.

Example:
    python -m scripts.measure.upgrade --tracks 100000
"""

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console

from app.cli.version import AsJson
from app.database import EmbeddedPostgres, load_query, migrate
from app.measure.speed.catalogue import fill_names
from app.measure.speed.figures import Figures
from app.measure.speed.sizes import Sizes
from app.measure.speed.stages import Stages
from app.providers import build_providers
from app.settings import get_settings
from models.registry import ModelCard
from scripts.measure.application import Application, render_writes

SECONDS = 10
"""How long others are watched before and after."""


class Searcher:
    """Looks for titles all the time, and notes how long each search took and what it did not find."""

    def __init__(self, url: str, titles: list[str]) -> None:
        self._url, self._titles = url, titles
        self._over = threading.Event()
        self.phase = "before"
        self.milliseconds: dict[str, list[float]] = {"before": [], "during": [], "after": []}
        self.missing = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """In a thread of its own.

        Raises:
            psycopg.Error: A search failed.
        """
        with ThreadPoolExecutor(1) as pool:
            searching = pool.submit(self._search)
            try:
                yield
            finally:
                self._over.set()
            searching.result()

    def _search(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._over.is_set():
                for title in self._titles:
                    phase, began = self.phase, time.perf_counter()
                    found = _count(connection, title)
                    self.milliseconds[phase].append(1000 * (time.perf_counter() - began))
                    self.missing += found == 0


def _count(connection: psycopg.Connection[tuple[object, ...]], title: str) -> int:
    row = connection.execute("select count(*)::integer from search.unified(%s)", [title]).fetchone()
    return 0 if row is None else int(str(row[0]))


def main(
    tracks: Annotated[int, typer.Option(min=100, help="Size of the catalogue.")] = 100_000,
    in_one_transaction: Annotated[
        bool, typer.Option("--in-one-transaction", help="Make the documents in one transaction, for comparison.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Upgrade a catalogue while others search it and write to it, and print how long everything took.

    Example: python -m scripts.measure.upgrade --tracks 100000 --json
    """
    console, sizes = Console(stderr=True), Sizes(tracks)
    card = build_providers(get_settings()).embedding.card
    with (
        tempfile.TemporaryDirectory(prefix="vibe-search-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as server,
    ):
        titles = _fill(server.url, card, sizes, console)
        application, searcher = Application(server.url, sizes), Searcher(server.url, titles)
        with application.running(), searcher.running():
            time.sleep(SECONDS)
            application.phase = searcher.phase = "during"
            began = time.perf_counter()
            _upgrade(server.url, card, in_one_transaction=in_one_transaction)
            seconds = time.perf_counter() - began
            application.phase = searcher.phase = "after"
            time.sleep(SECONDS)
    writes = {phase: Figures.of(taken) for phase, taken in application.milliseconds.items()}
    searches = {phase: Figures.of(taken) for phase, taken in searcher.milliseconds.items()}
    if as_json:
        found = {
            "tracks": tracks,
            "seconds": seconds,
            "writes": {phase: figures.as_dict() for phase, figures in writes.items()},
            "searches": {phase: figures.as_dict() for phase, figures in searches.items()},
            "missing": searcher.missing,
        }
        typer.echo(json.dumps(found, indent=2))
    else:
        Console().print(render_writes(searches, "searches"), render_writes(writes))
        typer.echo(f"upgraded in {seconds:.1f} s; searches without a result: {searcher.missing}")


def _fill(url: str, card: ModelCard, sizes: Sizes, console: Console) -> list[str]:
    """A catalogue; some of its titles."""
    migrate(url, card)
    with psycopg.connect(url) as connection:
        connection.execute(str(load_query("benchmark_schema")).encode())
        connection.execute("set session_replication_role = replica")
        fill_names(connection, sizes, Stages(console))
        connection.execute("set session_replication_role = origin")
        connection.execute("select search.rebuild_documents()")
        connection.execute("select setval('tracks_id_seq', (select max(id) from tracks))")
        connection.commit()
        connection.autocommit = True
        connection.execute("vacuum analyze")
        rows = connection.execute("select title from tracks order by id desc limit 50").fetchall()
        # a title of marks alone is never found
        return [str(title) for (title,) in rows if _count(connection, str(title))]


def _upgrade(url: str, card: ModelCard, *, in_one_transaction: bool) -> None:
    if in_one_transaction:
        with psycopg.connect(url) as connection:
            connection.execute("select search.rebuild_documents()")
        return
    with psycopg.connect(url) as connection:
        connection.execute("update search.schema_state set value = '0' where key in ('documents', 'functions')")
    migrate(url, card)


if __name__ == "__main__":
    typer.run(main)
