"""How long the one statement takes on the configured database.

Example:
    vibe-search demo --once && python -m scripts.benchmarks.statement --runs 200
"""

import asyncio
import json
import statistics
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from app.cli.version import AsJson
from app.database import create_engine, open_database
from app.providers import build_providers
from app.sample import load_library
from app.search import Search
from app.settings import get_settings

_DESCRIPTIONS = ("calm acoustic guitar", "fast electronic dance", "slow piano", "happy folk", "dark techno")


def main(
    runs: Annotated[int, typer.Option(min=10, help="Times that each query runs.")] = 50, as_json: AsJson = False
) -> None:
    """Time exact titles, prefixes, typos and descriptions, warm, over one connection."""
    with open_database(get_settings()) as url:
        times = asyncio.run(_measure(url, runs))
    rows = {kind: _summary(values) for kind, values in times.items()}
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("query", "runs", "median ms", "p95 ms", "p99 ms", "worst ms")
    for kind, row in rows.items():
        table.add_row(kind, str(row["runs"]), *(f"{row[name]:.2f}" for name in ("median", "p95", "p99", "worst")))
    Console().print(table)


async def _measure(url: str, runs: int) -> dict[str, list[float]]:
    settings = get_settings()
    providers = build_providers(settings)
    providers.embedding.load()
    titles = [entry.title for entry in load_library().tracks]
    queries = {
        "exact title": titles,
        "prefix": [title[:4] for title in titles],
        "typo": [title[:3] + "x" + title[4:] for title in titles],
        "description": list(_DESCRIPTIONS),
    }
    engine = create_engine(url, pool_size=1)
    search = Search(engine, providers.embedding, deadline_seconds=settings.semantic_deadline_seconds)
    times: dict[str, list[float]] = {kind: [] for kind in queries}
    try:
        for kind, texts in queries.items():
            for text in texts:
                await search.unified(text[:100])
            for _ in track(range(runs), description=kind, transient=True):
                times[kind] += [(await search.unified(text[:100])).milliseconds for text in texts]
    finally:
        await engine.dispose()
    return times | {"all": [value for values in times.values() for value in values]}


def _summary(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {
        "runs": len(values),
        "median": statistics.median(values),
        "p95": cuts[94],
        "p99": cuts[98],
        "worst": max(values),
    }


if __name__ == "__main__":
    typer.run(main)
