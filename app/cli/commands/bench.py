"""vibe-search bench: search, writes, http, embed."""

from typing import Annotated

import typer

from app.cli.version import AsJson

cli = typer.Typer(help="How fast it is, beside others.", no_args_is_help=True)

MOST_QUERIES = 500
"""Of ``bench embed``: app.measure.speed.embedding.material.MOST_QUERIES, which takes long to import."""

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
    from app.cli.bench import search

    search(tracks=tracks, queries=queries, clients=clients, peers=peers, rebuild=rebuild, as_json=as_json)


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
    from app.cli.bench import writes

    writes(tracks=tracks, inserts=inserts, rebuild=rebuild, as_json=as_json)


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
    from app.cli.bench import http

    http(tracks=tracks, queries=queries, rebuild=rebuild, as_json=as_json)


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
    from app.cli.bench import embed

    embed(model=model, texts=texts, windows=windows, threads=threads, as_json=as_json)
