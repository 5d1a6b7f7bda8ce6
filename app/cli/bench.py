"""vibe-search bench: search, writes, http, embed."""

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.cli.version import AsJson
from app.errors import UserError
from app.measure.speed.build import Wanted, prepare
from app.measure.speed.embedding.material import MOST_QUERIES
from app.measure.speed.embedding.measure import EmbedPlan, measure_embedding
from app.measure.speed.embedding.subject import find_subject
from app.measure.speed.endpoint import measure_endpoint
from app.measure.speed.peers import find_peers
from app.measure.speed.report import render_embedding, render_endpoint, render_search, render_writes
from app.measure.speed.search import Plan, measure_search
from app.measure.speed.server import open_server
from app.measure.speed.sizes import Sizes
from app.measure.speed.stages import Stages
from app.measure.speed.writes import measure_writes
from app.providers import build_providers
from app.settings import get_settings

cli = typer.Typer(help="How fast it is, beside others.", no_args_is_help=True)

Tracks = Annotated[int, typer.Option(min=1000, max=100_000_000, help="Size of the catalogue.")]
Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Build the catalogue anew instead of using the one that is there.")
]


@cli.command(epilog="Example: vibe-search bench search --tracks 1000000 --clients 1,8")
def search(  # noqa: PLR0913, PLR0917 - the options of a command
    tracks: Tracks = 50_000,
    queries: Annotated[int, typer.Option(min=1, help="Queries of each kind.")] = 100,
    clients: Annotated[str, typer.Option(help="Numbers of clients at once, comma-separated; each a process.")] = "1,8",
    peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Also time LanceDB and tantivy, where they are installed.")
    ] = True,
    rebuild: Rebuild = False,
    as_json: AsJson = False,
) -> None:
    """Time search.unified beside a bare HNSW query and the search that it replaces.

    The catalogue is built in a database of its own, vibe_search_bench_TRACKS, once.
    """
    numbers = _parse_clients(clients)
    console = Console(stderr=True)
    settings = get_settings()
    with open_server(settings) as url:
        built = prepare(url, Wanted(Sizes(tracks)), console, rebuild=rebuild)
        others, seconds = find_peers(built, settings.data_dir / "bench" / "peers", console) if peers else ([], {})
        plan = Plan(queries=queries, clients=numbers, peers=others, peers_seconds=seconds)
        result = measure_search(built, plan, Stages(console))
    _print(result.as_dict(), render_search(result), as_json=as_json)


@cli.command(epilog="Example: vibe-search bench writes --tracks 1000000")
def writes(
    tracks: Tracks = 50_000,
    inserts: Annotated[int, typer.Option(min=10, max=10_000, help="Tracks to insert with search, and without.")] = 300,
    rebuild: Rebuild = False,
    as_json: AsJson = False,
) -> None:
    """Time what search adds to inserting and tagging a track, and how soon a renamed artist is found.

    It uses the catalogue of bench search and rolls back all that it writes.
    """
    console = Console(stderr=True)
    with open_server(get_settings()) as url:
        built = prepare(url, Wanted(Sizes(tracks)), console, rebuild=rebuild)
        result = measure_writes(built, inserts, Stages(console))
    _print(result.as_dict(), render_writes(result), as_json=as_json)


@cli.command(epilog="Example: vibe-search bench http --tracks 100000")
def http(
    tracks: Tracks = 50_000,
    queries: Annotated[int, typer.Option(min=1, help="Queries of each kind.")] = 100,
    rebuild: Rebuild = False,
    as_json: AsJson = False,
) -> None:
    """Time GET /search/ of the real server with the configured model, uncached, one query at a time.

    The catalogue has vectors of the model's length, in a database of its own, vibe_search_bench_TRACKS_http.
    """
    console = Console(stderr=True)
    settings = get_settings()
    wanted = Wanted(Sizes(tracks), build_providers(settings).embedding, "_http")
    with open_server(settings) as url:
        built = prepare(url, wanted, console, rebuild=rebuild)
        result = measure_endpoint(built, queries, Stages(console))
    _print(result.as_dict(), render_endpoint(result), as_json=as_json)


@cli.command(epilog="Example: vibe-search bench embed --windows 60")
def embed(
    model: Annotated[
        str | None,
        typer.Option(help="An installed model with its checkpoint; else random weights.", show_default=False),
    ] = None,
    texts: Annotated[int, typer.Option(min=5, max=MOST_QUERIES, help="Different queries.")] = 200,
    windows: Annotated[int, typer.Option(min=3, max=1000, help="Ten-second pieces of the sample library.")] = 40,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Of each contender.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Time embedding beside the code that is replaced: librosa, transformers and torch, in processes of their own.

    Without --model it takes clap-htsat-unfused where that is installed, and otherwise random weights of the same sizes,
    which it makes once (a minute, 4 GB of memory).
    """
    settings = get_settings()
    stages = Stages(Console(stderr=True))
    subject = find_subject(settings, model, stages)
    result = measure_embedding(settings, subject, EmbedPlan(texts, windows, threads), stages)
    _print(result.as_dict(), render_embedding(result), as_json=as_json)


def _parse_clients(value: str) -> list[int]:
    try:
        numbers = [int(part) for part in value.split(",")]
    except ValueError:
        numbers = [0]
    if any(not 1 <= number <= 64 for number in numbers):
        raise UserError(f"--clients {value!r}: give numbers from 1 to 64, comma-separated, such as 1,8")
    return list(dict.fromkeys(numbers))


def _print(report: dict[str, Any], tables: Iterable[Table], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report, indent=2))
        return
    console = Console()
    for table in tables:
        console.print(table)
