"""vibe-search bench: search, writes, http, embed."""

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from app.errors import UserError
from app.measure.speed.build import Wanted, prepare
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
from app.terminal import print_line


def search(*, tracks: int, queries: int, clients: str, peers: bool, rebuild: bool, as_json: bool) -> None:  # noqa: PLR0913 - the options of a command
    """Time search.unified beside a bare HNSW query and the search that it replaces."""
    numbers = _parse_clients(clients)
    console = Console(stderr=True)
    settings = get_settings()
    with open_server(settings) as url:
        built = prepare(url, Wanted(Sizes(tracks)), console, rebuild=rebuild)
        others, seconds = find_peers(built, settings.data_dir / "bench" / "peers", console) if peers else ([], {})
        plan = Plan(queries=queries, clients=numbers, peers=others, peers_seconds=seconds)
        result = measure_search(built, plan, Stages(console))
    _print(result.as_dict(), render_search(result), as_json=as_json)


def writes(*, tracks: int, inserts: int, rebuild: bool, as_json: bool) -> None:
    """Time what search adds to inserting and tagging a track, and how soon a renamed artist is found."""
    console = Console(stderr=True)
    with open_server(get_settings()) as url:
        built = prepare(url, Wanted(Sizes(tracks)), console, rebuild=rebuild)
        result = measure_writes(built, inserts, Stages(console))
    _print(result.as_dict(), render_writes(result), as_json=as_json)


def http(*, tracks: int, queries: int, rebuild: bool, as_json: bool) -> None:
    """Time GET /search/ of the real server with the configured model, uncached, one query at a time."""
    console = Console(stderr=True)
    settings = get_settings()
    wanted = Wanted(Sizes(tracks), build_providers(settings).embedding, "_http")
    with open_server(settings) as url:
        built = prepare(url, wanted, console, rebuild=rebuild)
        result = measure_endpoint(built, queries, Stages(console))
    _print(result.as_dict(), render_endpoint(result), as_json=as_json)


def embed(*, model: str | None, texts: int, windows: int, threads: int, as_json: bool) -> None:
    """Time embedding beside the code that is replaced: librosa, transformers and torch, in processes of their own."""
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
        print_line(json.dumps(report, indent=2))
        return
    console = Console()
    for table in tables:
        console.print(table)
