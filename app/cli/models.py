"""vibe-search models: list, embed."""

import json
from typing import Annotated

import typer
from pgvector import HalfVector
from rich.console import Console
from rich.table import Column, Table

from app.cli.version import AsJson
from app.errors import UserError
from app.providers import build_providers
from app.settings import get_settings
from models.registry import load_manifest

cli = typer.Typer(help="The models that embed tracks and queries.", no_args_is_help=True)


@cli.command("list", epilog="Example: vibe-search models list --json")
def list_models(as_json: AsJson = False) -> None:
    """List the models of the manifest."""
    configured = get_settings().embedding_model
    cards = load_manifest().values()
    if as_json:
        rows = [
            {
                "name": card.name,
                "identity": card.identity,
                "dimensions": card.dimensions,
                "bytes": sum(file.size for file in card.files),
                "bundled": card.bundled,
                "licence": card.licence,
                "source": card.source,
                "configured": card.name == configured,
            }
            for card in cards
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table(Column("identity", no_wrap=True), "dimensions", "MB", "bundled", "licence", "configured")
    for card in cards:
        size = sum(file.size for file in card.files) / 1e6
        marks = ["yes" if flag else "" for flag in (card.bundled, card.name == configured)]
        table.add_row(card.identity, str(card.dimensions), f"{size:.1f}", marks[0], card.licence, marks[1])
    Console().print(table)


@cli.command("embed")
def embed_text(
    text: Annotated[str, typer.Argument(help="A description of a sound.")],
    as_json: AsJson = False,
) -> None:
    """Print the vector of a text in the configured model, as Postgres reads it.

    With --json also the model's identity, and how much the text speaks of sound (the audibility of search.unified).

    Example:
      vibe-search db psql -v vec="$(vibe-search models embed 'calm piano')"
    """
    embedding = build_providers(get_settings()).embedding
    try:
        vector = HalfVector(embedding.embed_text(text))
    except ValueError as error:
        raise UserError(str(error)) from error
    if not as_json:
        typer.echo(vector.to_text())
        return
    figures = {"identity": embedding.card.identity, "audibility": round(embedding.audibility(text), 4)}
    typer.echo(json.dumps(figures | {"embedding": vector.to_list()}))
