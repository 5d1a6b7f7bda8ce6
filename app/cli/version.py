"""vibe-search version."""

import json
from typing import Annotated

import typer

from app import __version__

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")]
"""Option of every command that has output."""


def version(as_json: AsJson = False) -> None:
    """Print the version."""
    typer.echo(json.dumps({"version": __version__}) if as_json else f"vibe-search {__version__}")
