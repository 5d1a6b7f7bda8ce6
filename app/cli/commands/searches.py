"""vibe-search search, similar and evaluate."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.version import AsJson


def search(
    text: Annotated[
        str | None, typer.Argument(help="A name, part of one, or a description of a sound.", show_default=False)
    ] = None,
    audio: Annotated[
        Path | None, typer.Option("--audio", help="Instead of a text: an audio file; what sounds like it is found.")
    ] = None,
    kinds: Annotated[
        str | None, typer.Option("--type", help="Comma-separated: tracks, artists, albums, tags, playlists.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=50, help="Results of each type at most.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Search the database, as the endpoint does. A text that begins with a dash stands behind --.

    Examples:
      vibe-search search "fern index"
      vibe-search search "gentle acoustic guitar" --type tracks --limit 10 --json
      vibe-search search "like:12 but slower -drums"
      vibe-search search --audio clip.mp3
    """
    from app.cli.search import search

    search(text=text, audio=audio, kinds=kinds, limit=limit, as_json=as_json)


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
    from app.cli.similar import similar

    similar(track_id=track_id, limit=limit, as_json=as_json)


def evaluate(
    file: Annotated[
        Path | None,
        typer.Argument(help="Labelled queries, .toml, .csv or .tsv; otherwise those of the sample library."),
    ] = None,
    by: Annotated[
        Literal["sound", "unified"] | None,
        typer.Option(
            "--by",
            help="Only this ranking: sound (every track by its vector alone) or unified (the search box). "
            "Otherwise what the file says, or both.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=50, help="Places of the search box that are looked at.")] = 50,
    each: Annotated[bool, typer.Option("--each", help="Show each query, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure how well the search answers labelled queries.

    Shows success at 1, 5 and 10, MRR, nDCG@10 and MAP beside both modes of the replaced system and beside chance.
    Without a file it asks for the sample library: run vibe-search demo --once before.

    Examples:
      vibe-search evaluate
      vibe-search evaluate queries.csv --by unified --each
      vibe-search evaluate queries.toml --json
    """
    from app.cli.evaluate import evaluate

    evaluate(file=file, by=by, limit=limit, each=each, as_json=as_json)
