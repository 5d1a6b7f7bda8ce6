"""`python -m scripts.measure.costly_queries`: the most CPU that a made-up query takes, on the benchmark's catalogue.

Milliseconds are those of the CPU in the server's process, which other work on the machine does not change much. They
come from Linux's /proc, so the server is the embedded one.
"""

import json
import os
import random
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import psutil
import psycopg
import typer
from rich.console import Console
from rich.table import Table

from app.cli.exit_status import run_to_exit
from app.cli.version import AsJson
from app.database import EmbeddedPostgres, connect
from app.errors import UserError
from app.measure.speed.build import Wanted, prepare
from app.measure.speed.server import tuned_settings
from app.measure.speed.sizes import Sizes
from app.measure.speed.stages import Stages
from app.settings import get_settings
from scripts.measure.costly_queries.queries import FORMS, make_query
from scripts.measure.costly_queries.words import read_words

Connection = psycopg.Connection[Any]

SEARCH = "select count(*) from search.unified(%s, max_per_type => %s, viewer => %s)"

OWNER = "select owner from search.documents where owner is not null group by 1 order by count(*) desc, 1 limit 1"
"""Who has the most private names; they are read with each search of theirs."""

LIMITS = (20, 50)
"""Results of each type: as many as a page shows, and the most that the API gives."""


@dataclass(frozen=True)
class Cost:
    """Of the queries of one form.

    Attributes:
        form: A key of `FORMS`.
        worst: Milliseconds of CPU of the costliest query.
        median: Of all of them.
        query: The costliest.
    """

    form: str
    worst: float
    median: float
    query: str


def main(
    tracks: Annotated[int, typer.Option(min=1_000, help="Size of the catalogue.")] = 100_000,
    queries: Annotated[int, typer.Option(min=1, help="Queries of each form.")] = 60,
    seed: Annotated[int, typer.Option(help="Of the queries.")] = 1,
    most: Annotated[float | None, typer.Option(min=1, help="Exit with 1 above these milliseconds of CPU.")] = None,
    as_json: AsJson = False,
) -> None:
    """Search for queries of every form, and print the costliest of each.

    Example: python -m scripts.measure.costly_queries --tracks 100000 --most 150
    """
    if not Path("/proc/self/schedstat").exists():
        raise UserError("the CPU of one process is read from /proc/PID/schedstat, which this system does not have")
    stages = Stages(Console(stderr=True))
    bench = get_settings().data_dir / "bench" / "postgres"
    tuned = tuned_settings(psutil.virtual_memory().total, os.cpu_count() or 1)
    with EmbeddedPostgres(bench, settings=tuned) as server:
        built = prepare(server.url, Wanted(Sizes(tracks), suffix="_names", vectors=False), stages.console)
        with connect(built.url) as connection:
            connection.autocommit = True
            costs = _measure(connection, queries, seed, stages)
    if as_json:
        typer.echo(
            json.dumps({"tracks": tracks, "queries": queries, "costs": [vars(cost) for cost in costs]}, indent=2)
        )
    else:
        Console().print(_render(costs, tracks))
    raise typer.Exit(1 if most is not None and costs[0].worst > most else 0)


def _measure(connection: Connection, queries: int, seed: int, stages: Stages) -> list[Cost]:
    """The costs of each form, the costliest first."""
    # a parallel worker's CPU would not be seen
    connection.execute("set max_parallel_workers_per_gather = 0")
    words = read_words(connection)
    dice = random.Random(seed)  # noqa: S311 - makes queries, guards nothing
    owner = connection.execute(OWNER).fetchone()
    asked = [(limit, viewer) for limit in LIMITS for viewer in (None, owner and owner[0])]
    for limit, viewer in asked:
        connection.execute(SEARCH, ["warm up", limit, viewer])
    costs = []
    with stages.stage("searching", len(FORMS) * queries) as advance:
        for form in FORMS:
            taken = []
            for number in range(queries):
                query = make_query(form, dice, words)
                limit, viewer = asked[number % len(asked)]
                taken.append((_milliseconds(connection, query, limit, viewer), query))
                advance(1)
            worst, query = max(taken)
            costs.append(Cost(form, worst, median(milliseconds for milliseconds, _ in taken), query))
    return sorted(costs, key=lambda cost: -cost.worst)


def _milliseconds(connection: Connection, query: str, limit: int, viewer: str | None) -> float:
    """CPU of one search, in the better of two attempts: the first may have to read from the disk."""
    attempts = []
    for _ in range(2):
        before = _cpu_nanoseconds(connection.info.backend_pid)
        connection.execute(SEARCH, [query, limit, viewer])
        attempts.append(_cpu_nanoseconds(connection.info.backend_pid) - before)
    return min(attempts) / 1e6


def _cpu_nanoseconds(pid: int) -> int:
    """What a process has spent on the CPU, https://docs.kernel.org/scheduler/sched-stats.html."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])


def _render(costs: list[Cost], tracks: int) -> Table:
    table = Table(
        "form", "worst, ms CPU", "median", "the costliest query", title=f"{tracks:,} tracks", title_justify="left"
    )
    for cost in costs:
        table.add_row(cost.form, f"{cost.worst:,.1f}", f"{cost.median:,.1f}", cost.query)
    return table


if __name__ == "__main__":
    run_to_exit(lambda: typer.run(main))
