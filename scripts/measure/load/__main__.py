"""`python -m scripts.measure.load`: clients search, look and upload; then three attack; then Postgres dies.

Everything runs on this machine, on a copy of the benchmark's catalogue in its own Postgres, and ends by itself.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import psutil
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from app.auth import Scope, create_token
from app.cli.exit_status import run_to_exit
from app.cli.version import AsJson
from app.database import Database, EmbeddedPostgres, connect
from app.measure.sample.pieces import cut_pieces
from app.measure.speed.build import Built, Wanted, prepare
from app.measure.speed.figures import Figures
from app.measure.speed.queries import make_mix
from app.measure.speed.served import Served, running_server
from app.measure.speed.server import tuned_settings
from app.measure.speed.sizes import Sizes
from app.measure.speed.stages import Stages
from app.providers import build_providers
from app.settings import Settings, get_settings
from scripts.measure.costly_queries.words import read_words
from scripts.measure.load.attackers import Attack
from scripts.measure.load.clients import UPLOAD_PAUSE_SECONDS, Crowd, Load
from scripts.measure.load.report import judge_attack, judge_outage, summarise
from scripts.measure.soak.worker import resident_bytes, running_worker

DATABASE = "vibe_search_load"
DID = "did:load"

WARM_UP_SECONDS = 10.0
"""Before anything counts: connections are opened, and the server's memory grows to what it needs."""

DOWN_SECONDS = 3.0
"""How long Postgres stays dead."""

OUTAGE_SECONDS = 30.0

_FOLLOWED = (
    "insert into tracks (artist_did, title, file_id, file_type) values (%s, 'Followed', 'followed', 'mp3') returning id"
)
"""A track whose jobs do not end."""

_LISTED = "select id from tracks where search.is_listed(visibility) order by random() limit 1000"


def main(  # noqa: PLR0913, PLR0917 - the options of a command
    tracks: Annotated[int, typer.Option(min=1_000, help="Size of the catalogue.")] = 100_000,
    clients: Annotated[int, typer.Option(min=2, help="How many at once.")] = 50,
    uploaders: Annotated[int, typer.Option(min=0, help="How many of them upload.")] = 2,
    seconds: Annotated[float, typer.Option(min=1, help="How long.")] = 120.0,
    attack: Annotated[bool, typer.Option(help="Whether three attackers join them for as long again.")] = True,
    outage: Annotated[bool, typer.Option(help="Whether Postgres is killed afterwards, under the same load.")] = True,
    as_json: AsJson = False,
) -> None:
    """Put the server under load, and print what its clients waited and what went wrong.

    Exits with 1 when a request failed while Postgres was there, or in another way than with 503 while it was not.

    Example: python -m scripts.measure.load --tracks 10000 --seconds 20
    """
    stages = Stages(Console(stderr=True))
    bench = get_settings().data_dir / "bench" / "postgres"
    tuned = tuned_settings(psutil.virtual_memory().total, os.cpu_count() or 1)
    with (
        tempfile.TemporaryDirectory(prefix="vibe-search-load-") as folder,
        EmbeddedPostgres(bench, settings=tuned) as server,
    ):
        # not from .env: nothing here may touch anybody's store
        settings = Settings(_env_file=None, data_dir=Path(folder))
        provider = build_providers(settings).embedding
        built = prepare(server.url, Wanted(Sizes(tracks), provider, "_http"), stages.console)
        url = _copy(server.url, built)
        settings = settings.model_copy(update={"database_url": url})
        try:
            load = Load(clients, uploaders, seconds)
            trials = Trials(attack, server if outage else None)
            found = _measure(settings, built, load, trials, stages)
        finally:
            with connect(server.url) as connection:
                connection.autocommit = True
                connection.execute(f"drop database if exists {DATABASE} with (force)".encode())
    _show(found, as_json=as_json)
    raise typer.Exit(1 if found["wrong"] else 0)


@dataclass(frozen=True)
class Trials:
    """What the clients are put through after the load itself.

    Attributes:
        attack: Whether attackers join them.
        dying: The server that is killed under them, if one is.
    """

    attack: bool
    dying: EmbeddedPostgres | None


def _copy(server_url: str, built: Built) -> str:
    """URL of a copy of the catalogue, for uploads do not belong into the benchmark's."""
    with connect(server_url) as connection:
        connection.autocommit = True
        connection.execute(f"drop database if exists {DATABASE} with (force)".encode())
        connection.execute(f"create database {DATABASE} template {built.name} strategy file_copy".encode())
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{DATABASE}"))


def _measure(settings: Settings, built: Built, load: Load, trials: Trials, stages: Stages) -> dict[str, Any]:
    """Run the load; then again beside attackers; then again while the server dies."""
    url = str(settings.database_url)
    crowd_of = _prepare(url, built, load, stages)
    with (
        running_server(url, stages, _limits(settings) | {"DATA_DIR": str(settings.data_dir)}) as served,
        running_worker(settings) as worker,
    ):
        address = f"http://127.0.0.1:{served.client.port}"
        crowd = crowd_of(address)
        memory = _Memory(served, worker.pid)
        with stages.stage("warming up"):
            asyncio.run(crowd.run(replace(load, seconds=WARM_UP_SECONDS)))
        crowd.done.clear()
        with stages.stage(f"{load.clients} clients"):
            asyncio.run(_under_watch(crowd, memory, load))
        found = summarise(crowd.done, load.seconds) | memory.as_dict()
        wrong = [request for request in crowd.done if not request.succeeded]
        if trials.attack:
            crowd.done.clear()
            with stages.stage("beside three attackers"):
                attack = _run_beside(crowd, _prepare_attack(url, address), load)
            found["attack"] = judge_attack(found, crowd.done, attack, load.seconds)
            wrong += [request for request in crowd.done if not request.succeeded]
        if trials.dying is not None:
            crowd.done.clear()
            with stages.stage("without Postgres"):
                window = asyncio.run(_outage(crowd, trials.dying, replace(load, seconds=OUTAGE_SECONDS)))
            judged, mistakes = judge_outage(crowd.done, window)
            found |= judged
            wrong += mistakes
        with stages.stage("the worker's rest"):
            found["uploads_without_vector"] = _unprocessed(url)
    found["wrong"] = len(wrong) + int(found["uploads_without_vector"])
    return found


def _prepare(url: str, built: Built, load: Load, stages: Stages) -> Callable[[str], Crowd]:
    """Makes the clients of a server at some address."""
    token = asyncio.run(_make_token(url))
    with connect(url) as connection:
        connection.autocommit = True
        queries = make_mix(connection, built, 200)
        ids = [int(str(row[0])) for row in connection.execute(_LISTED)]
    most = int(load.uploaders * (load.seconds + WARM_UP_SECONDS + OUTAGE_SECONDS) / UPLOAD_PAUSE_SECONDS)
    with stages.stage("cutting recordings"):
        pieces = list(cut_pieces(most + load.uploaders, seed=1))
    return lambda address: Crowd(address, token, queries, ids, pieces)


class _Memory:
    """Resident memory of the server and of the worker, looked at once a second."""

    def __init__(self, served: Served, worker_pid: int) -> None:
        self._processes = {"server": psutil.Process(served.pid), "worker": psutil.Process(worker_pid)}
        self._megabytes: dict[str, list[float]] = {name: [] for name in self._processes}

    def look(self) -> None:
        """Note what they have."""
        for name, process in self._processes.items():
            self._megabytes[name].append(resident_bytes(process) / 1e6)

    def as_dict(self) -> dict[str, Any]:
        """Median of each quarter of the time, and the most, MB."""
        return {
            "memory": {
                name: {str(number + 1): float(np.median(part)) for number, part in enumerate(np.array_split(values, 4))}
                | {"most": max(values)}
                for name, values in self._megabytes.items()
            }
        }


async def _under_watch(crowd: Crowd, memory: _Memory, load: Load) -> None:
    running = asyncio.create_task(crowd.run(load))
    while not running.done():
        await asyncio.to_thread(memory.look)
        await asyncio.sleep(1)
    await running


def _limits(settings: Settings) -> dict[str, str]:
    """Settings of the server: its default limits hold for the attackers; the clients stand for as many addresses."""
    return {
        "RATE_LIMIT_SEARCHES": str(settings.rate_limit_searches),
        "RATE_LIMIT_COSTLY": str(settings.rate_limit_costly),
        "RATE_LIMIT_EXEMPT": "127.0.0.1/32",
    }


def _prepare_attack(url: str, address: str) -> Attack:
    """An attack with the catalogue's words, and a track whose jobs wait for longer than anything here takes."""
    with connect(url) as connection:
        words = read_words(connection)
        row = connection.execute(_FOLLOWED, [DID]).fetchone()
        track = int(str(row[0])) if row else 0
        connection.execute(
            "update procrastinate_jobs set scheduled_at = 'infinity' where args ->> 'track_id' = %s", [str(track)]
        )
    return Attack(address, words, track)


def _run_beside(crowd: Crowd, attack: Attack, load: Load) -> Attack:
    """The attack with what it got, from a process that has ended."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        attacking = other.submit(attack.run, load.seconds)
        asyncio.run(crowd.run(load))
        return attacking.result()


async def _outage(crowd: Crowd, server: EmbeddedPostgres, load: Load) -> tuple[float, float]:
    """When Postgres was killed and when it was there again, of `time.monotonic`."""
    running = asyncio.create_task(crowd.run(load))
    await asyncio.sleep(load.seconds / 4)
    killed = time.monotonic()
    await asyncio.to_thread(server.crash)
    await asyncio.sleep(DOWN_SECONDS)
    await asyncio.to_thread(server.revive)
    revived = time.monotonic()
    await running
    return killed, revived


def _unprocessed(url: str) -> int:
    """Uploads without a vector, once the queue had two minutes to become empty."""
    deadline = time.monotonic() + 120
    while True:
        with connect(url) as connection:
            row = connection.execute(
                "select count(*) from tracks t where artist_did = %s and file_id <> 'followed' "
                "and not exists (select from search.track_embeddings e where e.track_id = t.id)",
                [DID],
            ).fetchone()
        left = int(str(row[0])) if row else 0
        if left == 0 or time.monotonic() > deadline:
            return left
        time.sleep(1)


async def _make_token(url: str) -> str:
    artist = text("insert into artists (did, handle, display_name) values (:did, 'load.example', 'Load')")
    async with Database.open(url, pool_size=1) as database:
        await database.execute(artist, {"did": DID})
        return (await create_token(database, DID, [Scope.UPLOAD])).token


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    console = Console()
    table = Table("request", "number", "p50 ms", "p95 ms", "p99 ms", "worst ms", title="load")
    for kind, figures in found["milliseconds"].items():
        it = Figures(**figures)
        table.add_row(kind, f"{it.runs:,}", *(f"{value:,.1f}" for value in (it.p50, it.p95, it.p99, it.worst)))
    console.print(table)
    rest = Table("what", "figure")
    for what, figure in found.items():
        if what == "attack":
            _show_attack(rest, figure)
        elif what == "memory":
            for name, values in figure.items():
                rest.add_row(
                    f"memory of the {name}, MB", " / ".join(f"{key} {value:.0f}" for key, value in values.items())
                )
        elif what != "milliseconds":
            rest.add_row(what.replace("_", " "), f"{figure:,.2f}" if isinstance(figure, float) else str(figure))
    console.print(rest)


def _show_attack(table: Table, figures: dict[str, Any]) -> None:
    for what, figure in figures.items():
        shown = (
            ", ".join(f"{key}: {value}" for key, value in figure.items())
            if isinstance(figure, dict)
            else f"{figure:,.2f}"
        )
        table.add_row(f"beside attackers: {what.replace('_', ' ')}", shown or "none")


if __name__ == "__main__":
    run_to_exit(lambda: typer.run(main))
