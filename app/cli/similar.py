"""vibe-search similar."""

from typing import Annotated

import typer
from rich.console import Console

from app.cli.search import print_json, render_answer, run_search
from app.cli.version import AsJson
from app.providers import build_providers
from app.settings import get_settings


def similar(
    track_id: Annotated[int, typer.Argument(min=1, help="Id of a track.", metavar="ID")],
    limit: Annotated[int, typer.Option(min=1, max=50, help="Results at most.")] = 10,
    as_json: AsJson = False,
) -> None:
    """List the tracks that sound most like one, and other encodings of the same recording.

    Examples:
      vibe-search similar 12

      vibe-search similar 12 --limit 3 --json
    """
    answer = run_search(build_providers(get_settings()), lambda search: search.similar(track_id, limit=limit))
    if as_json:
        print_json({"track_id": track_id}, answer)
    else:
        Console().print(render_answer(f"like track {track_id}", answer))
