"""vibe-search sample: import."""

import asyncio
import json
from pathlib import Path

from app.database import Database, connect, is_adopted, open_database, require_schema
from app.errors import UserError
from app.measure.sample import import_library, load_library, recordings_dir
from app.providers import Providers, build_providers
from app.settings import get_settings
from app.terminal import print_line


def import_sample(*, as_json: bool) -> None:
    """Import the sample library into the database and the audio store; a worker then embeds it."""
    settings = get_settings()
    providers = build_providers(settings)
    recordings = recordings_dir()
    with open_database(settings) as url:
        require_schema(url)
        _refuse_adopted(url)
        added = asyncio.run(_import(url, providers, recordings))
    print_line(json.dumps({"imported": added}) if as_json else f"imported {added} tracks")


def _refuse_adopted(url: str) -> None:
    with connect(url) as connection:
        if is_adopted(connection):
            raise UserError(
                "this catalogue was adopted, and the sample library would appear in its application: "
                "set DATABASE_URL to a database of vibe-search's own"
            )


async def _import(url: str, providers: Providers, recordings: Path) -> int:
    async with Database.open(url, pool_size=1) as database:
        return await import_library(database, providers.audio_store, load_library(), recordings)
