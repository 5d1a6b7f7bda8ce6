"""vibe-search search."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.cli.version import AsJson
from app.database import create_engine, open_database, require_schema
from app.errors import UserError
from app.providers import Providers, build_providers
from app.search import Answer, Hit, Search, parse_types
from app.settings import get_settings


def search(
    text: Annotated[str, typer.Argument(help="A name, part of one, or a description of a sound.")],
    kinds: Annotated[
        str | None, typer.Option("--type", help="Comma-separated: tracks, artists, albums, tags, playlists.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=50, help="Results of each type at most.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Search the database, as the endpoint does.

    Examples:
      vibe-search search "fern index"

      vibe-search search "gentle acoustic guitar" --type tracks --limit 10 --json
    """
    try:
        types = None if kinds is None else parse_types(kinds)
    except ValueError as error:
        raise UserError(f"--type: {error}") from error
    if not 2 <= len(text) <= 100:
        raise UserError(f"the text has {len(text)} characters: a search takes 2 to 100")
    settings = get_settings()
    providers = build_providers(settings)
    with open_database(settings) as url:
        require_schema(url)
        answer = asyncio.run(_search(url, providers, text, types, limit))
    if as_json:
        rows = [asdict(hit) for hit in answer.hits]
        body = {"results": rows, "query": text, "counts": answer.counts, "available": answer.available}
        typer.echo(json.dumps(body | {"took_ms": round(answer.milliseconds, 2)}, ensure_ascii=False, indent=2))
    else:
        Console().print(render_answer(text, answer))


async def _search(url: str, providers: Providers, text: str, types: list[str] | None, limit: int) -> Answer:
    providers.embedding.load()
    engine = create_engine(url, pool_size=1)
    try:
        searching = Search(engine, providers.embedding, deadline_seconds=get_settings().semantic_deadline_seconds)
        return await searching.unified(text, types=types, limit=limit)
    finally:
        await engine.dispose()


def render_answer(text: str, answer: Answer) -> Table:
    """A table of one answer: what each hit is, and why it is there."""
    found = {0: "no match", 1: "1 result"}.get(len(answer.hits), f"{len(answer.hits)} results")
    table = Table(
        "type",
        "label",
        "artist",
        "tier",
        "matched",
        title=Text.assemble("“", (text, "bold"), f"”  {found} in {answer.milliseconds:.1f} ms"),
        title_justify="left",
        caption=None if answer.available else "by name alone: sound search was not available",
    )
    for hit in answer.hits:
        table.add_row(hit.type, Text(hit.label), Text(hit.artist), hit.tier.replace("_", " "), _describe_match(hit))
    return table


def _describe_match(hit: Hit) -> str:
    words = [name if name != "sound" else f"sound {hit.similarity:.2f}" for name in hit.matched]
    return ", ".join(words)
