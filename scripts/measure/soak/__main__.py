"""`python -m scripts.measure.soak`: what is left when processes die, what uploads take, what broken files do.

Everything runs on this machine, on a database and a store of its own in a temporary folder, and ends by itself.
"""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.cli.exit_status import run_to_exit
from app.database import EmbeddedPostgres, migrate
from app.measure.speed.stages import Stages
from app.providers import build_providers
from app.settings import Settings
from scripts.measure.soak.crashes import survive_crashes
from scripts.measure.soak.machinery import measure_machinery
from scripts.measure.soak.uploads import measure_uploads


def main(  # noqa: PLR0913, PLR0917 - the options of a command
    tracks: Annotated[int, typer.Option(min=1, help="Real tracks to work on while processes are killed.")] = 500,
    worker_kills: Annotated[int, typer.Option(min=0, help="How often a worker is killed.")] = 20,
    database_kills: Annotated[int, typer.Option(min=0, help="How often Postgres is killed.")] = 5,
    broken: Annotated[int, typer.Option(min=0, help="Broken files among the tracks.")] = 1000,
    uploads: Annotated[int, typer.Option(min=1, help="Uploads at once, and as many one after the other.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the files and of the moments of death.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Wear the system out, and print what held.

    Exits with 1 when a track is lost, stuck, or worked on twice.

    Example: python -m scripts.measure.soak --tracks 50 --worker-kills 3 --database-kills 1 --broken 100
    """
    stages = Stages(Console(stderr=True))
    with (
        tempfile.TemporaryDirectory(prefix="vibe-search-soak-", ignore_cleanup_errors=True) as name,
        EmbeddedPostgres(Path(name) / "postgres") as server,
    ):
        # not from .env: nothing here may touch anybody's database or store
        settings = Settings(_env_file=None, database_url=server.url, data_dir=Path(name) / "data")
        migrate(server.url, build_providers(settings).embedding.card)
        found = asyncio.run(measure_machinery(settings))
        found |= asyncio.run(measure_uploads(settings, uploads, stages))
        found |= survive_crashes(
            server, settings, stages, tracks=tracks, broken=broken, kills=(worker_kills, database_kills), seed=seed
        )
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        table = Table("what", "figure", title="soak")
        for what, figure in found.items():
            table.add_row(what, f"{figure:,.1f}" if isinstance(figure, float) else f"{figure:,}")
        Console().print(table)
    wrong = sum(figure for what, figure in found.items() if what.startswith("wrong: "))
    raise typer.Exit(1 if wrong else 0)


if __name__ == "__main__":
    run_to_exit(lambda: typer.run(main))
