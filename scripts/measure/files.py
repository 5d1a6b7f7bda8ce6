"""Print the `files` lines of a model's manifest entry, measured on the files as they are now.

Run it after the weights have been made anew, and put the lines into `models/manifest.toml`. The model's identity
changes with them, which is what makes every track be embedded again.

Example:
    python -m scripts.measure.files musicnn-tags
"""

from __future__ import annotations

import hashlib
from typing import Annotated

import typer

from models.registry import find_model


def main(name: Annotated[str, typer.Argument(help="The model's name in the manifest.")]) -> None:
    """Print path, package, size and SHA-256 of every file that a model reads.

    Example: python -m scripts.measure.files musicnn-tags
    """
    typer.echo("files = [")
    for file in find_model(name).files:
        content = file.locate().read_bytes()
        origin = f', package = "{file.package}"' if file.package else ""
        digest = hashlib.sha256(content).hexdigest()
        typer.echo(f'  {{ path = "{file.path}"{origin}, size = {len(content)}, sha256 = "{digest}" }},')
    typer.echo("]")


if __name__ == "__main__":
    typer.run(main)
