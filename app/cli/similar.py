"""vibe-search similar."""

from app.cli.search import print_json, render_answer, run_search
from app.providers import build_providers
from app.settings import get_settings
from app.terminal import make_console, print_table


def similar(*, track_id: int, limit: int, as_json: bool) -> None:
    """List the tracks that sound most like one, and other encodings of the same recording."""
    answer = run_search(build_providers(get_settings()), lambda search: search.similar(track_id, limit=limit))
    if as_json:
        print_json({"track_id": track_id}, answer)
    else:
        print_table(make_console(), render_answer(f"like track {track_id}", answer))
