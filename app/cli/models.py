"""vibe-search models: list."""

import json

import typer
from rich.console import Console
from rich.table import Column, Table

from app.cli.version import AsJson
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
