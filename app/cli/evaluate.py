"""vibe-search evaluate."""

import asyncio
import json
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from app.cli.version import AsJson
from app.database import create_engine, open_database, require_schema
from app.errors import UserError
from app.evaluation import Evaluation, evaluate_descriptions, load_descriptions
from app.providers import build_providers
from app.sample import load_library
from app.settings import get_settings
from services.embedding import EmbeddingProvider

_SAMPLE_DESCRIPTIONS = Path(__file__).resolve().parents[1] / "sample" / "descriptions.toml"


def evaluate(as_json: AsJson = False) -> None:
    """Measure how well the model's sound search answers labelled descriptions of the sample library.

    Run vibe-search demo --once before. Prints average precision beside what a random order would get.

    Example:
      vibe-search evaluate --json
    """
    settings = get_settings()
    providers = build_providers(settings)
    with open_database(settings) as url:
        require_schema(url)
        evaluation = asyncio.run(_evaluate(url, providers.embedding))
    if as_json:
        typer.echo(json.dumps(evaluation.as_dict(), ensure_ascii=False, indent=2))
    else:
        Console().print(_render(evaluation))


async def _evaluate(url: str, embedding: EmbeddingProvider) -> Evaluation:
    engine = create_engine(url, pool_size=1)
    try:
        title_of = {track.file: track.title for track in load_library().tracks}
        return await evaluate_descriptions(engine, embedding, load_descriptions(_SAMPLE_DESCRIPTIONS), title_of)
    except LookupError as error:
        raise UserError(f"{error}: run vibe-search demo --once first") from error
    finally:
        await engine.dispose()


def _render(evaluation: Evaluation) -> Table:
    table = Table(
        "description",
        "relevant",
        "average precision",
        "chance",
        title=f"{evaluation.model} on {evaluation.tracks} tracks",
    )
    for row in evaluation.rows:
        table.add_row(row.text, str(row.relevant), f"{row.average_precision:.3f}", f"{row.chance:.3f}")
    table.add_section()
    table.add_row("mean", "", f"{evaluation.mean_average_precision:.3f}", f"{evaluation.mean_chance:.3f}")
    return table
