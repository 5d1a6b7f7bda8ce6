"""Measure an adoption: how long it takes, and what an application that goes on writing notices of it.

The application's tables are those of the tests, filled with the names of the benchmark.

Example:
    python -m scripts.measure.adoption --tracks 100000
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from app.cli.version import AsJson
from app.database import EmbeddedPostgres, adopt, load_rules
from app.measure.speed.catalogue import fill_names
from app.measure.speed.figures import Figures
from app.measure.speed.sizes import Sizes
from app.measure.speed.stages import Stages
from app.providers import build_providers
from app.settings import get_settings
from models.registry import ModelCard
from scripts.measure.application import Application, render_writes

TABLES = Path(__file__).parents[2] / "app" / "measure" / "sample" / "existing_catalogue.sql"
SECONDS = 10
"""How long the application is watched before and after."""

_UNSAID = (
    ("artists", "created_at", "now()"),
    ("artists", "updated_at", "now()"),
    ("albums", "created_at", "now()"),
    ("albums", "updated_at", "now()"),
    ("tracks", "created_at", "now()"),
    ("tags", "created_at", "now()"),
    ("tags", "created_by_did", f"'did:plc:{1:024d}'"),
    ("playlists", "created_at", "now()"),
    ("playlists", "updated_at", "now()"),
    ("playlists", "atproto_record_uri", "gen_random_uuid()"),
    ("playlists", "atproto_record_cid", "'cid'"),
    ("playlists", "track_count", "0"),
    ("playlists", "show_on_profile", "true"),
)
"""What the application's own code writes and the benchmark's does not."""


def main(
    tracks: Annotated[int, typer.Option(min=100, help="Size of the catalogue.")] = 100_000,
    as_json: AsJson = False,
) -> None:
    """Adopt a catalogue while its application writes, and print how long everything took.

    Example: python -m scripts.measure.adoption --tracks 100000 --json
    """
    console, sizes = Console(stderr=True), Sizes(tracks)
    card = build_providers(get_settings()).embedding.card
    with (
        tempfile.TemporaryDirectory(prefix="vibe-search-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as server,
    ):
        _fill(server.url, sizes, console)
        application = Application(server.url, sizes)
        steps: dict[str, float] = {}
        with application.running():
            time.sleep(SECONDS)
            application.phase = "during"
            _adopt(server.url, card, steps)
            application.phase = "after"
            time.sleep(SECONDS)
    figures = {phase: Figures.of(taken) for phase, taken in application.milliseconds.items()}
    seconds = sum(steps.values())
    if as_json:
        writes = {phase: found.as_dict() for phase, found in figures.items()}
        typer.echo(json.dumps({"tracks": tracks, "seconds": seconds, "steps": steps, "writes": writes}, indent=2))
    else:
        Console().print(_render_steps(seconds, steps), render_writes(figures))


def _fill(url: str, sizes: Sizes, console: Console) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES.read_bytes())
        connection.execute("create extension vector; create schema benchmark")
        connection.execute("create table benchmark.words (rank integer, word text)")
        connection.execute("create table playlist_tracks (playlist_id varchar, position integer, track_id integer)")
        for table, column, default in _UNSAID:
            connection.execute(f"alter table {table} alter column {column} set default {default}".encode())
        with connection.transaction():
            connection.execute("set local session_replication_role = replica")
            fill_names(connection, sizes, Stages(console))
        for table, column, _ in _UNSAID:
            connection.execute(f"alter table {table} alter column {column} drop default".encode())
        connection.execute("drop table playlist_tracks; drop schema benchmark cascade; drop extension vector")
        connection.execute("select setval('tracks_id_seq', (select max(id) from tracks))")
        connection.execute("vacuum analyze")


def _adopt(url: str, card: ModelCard, steps: dict[str, float]) -> None:
    current, began = "", time.perf_counter()

    def show(title: str, _done: int, _total: int) -> None:
        nonlocal current, began
        now = time.perf_counter()
        if current:
            steps[current] = steps.get(current, 0.0) + now - began
        current, began = title, now

    adopt(url, card, show, load_rules("plyr.fm"))
    show("", 0, 0)


def _render_steps(seconds: float, steps: dict[str, float]) -> Table:
    table = Table("step", Column("seconds", justify="right"), box=SIMPLE_HEAD, title=f"adopted in {seconds:.1f} s")
    for title, taken in steps.items():
        table.add_row(title, f"{taken:.2f}")
    return table


if __name__ == "__main__":
    typer.run(main)
