"""vibe-search sample: import."""

import asyncio
import json
from pathlib import Path

import typer

from app.cli.version import AsJson
from app.database import Database, open_database, require_schema
from app.measure.sample import import_library, load_library, recordings_dir
from app.providers import Providers, build_providers
from app.settings import get_settings

cli = typer.Typer(help="The sample library: 28 real recordings under invented names.", no_args_is_help=True)


@cli.command("import", epilog="Example: vibe-search sample import && vibe-search worker --drain")
def import_sample(as_json: AsJson = False) -> None:
    """Import the sample library into the database and the audio store; a worker then embeds it."""
    settings = get_settings()
    providers = build_providers(settings)
    recordings = recordings_dir()
    with open_database(settings) as url:
        require_schema(url)
        added = asyncio.run(_import(url, providers, recordings))
    typer.echo(json.dumps({"imported": added}) if as_json else f"imported {added} tracks")


async def _import(url: str, providers: Providers, recordings: Path) -> int:
    async with Database.open(url, pool_size=1) as database:
        return await import_library(database, providers.audio_store, load_library(), recordings)
