"""vibe-search models: list, pull, export, check, use, remove, embed."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.version import AsJson

cli = typer.Typer(help="The models that embed tracks and queries, and those that name genres.", no_args_is_help=True)


@cli.command("list", epilog="Example: vibe-search models list --json")
def list_models(as_json: AsJson = False) -> None:
    """List the models: what they are, whether they are installed, and how far the database is with each."""
    from app.cli.models import list_models

    list_models(as_json=as_json)


@cli.command()
def pull(
    name: Annotated[str, typer.Argument(help="Name of a model of the manifest.")],
    folder: Annotated[
        Path | None,
        typer.Option("--from", help="Instead of the network: a folder with the files, or with an export of them."),
    ] = None,
) -> None:
    """Install a model's checkpoint in MODELS_DIR, at the commit that the manifest names.

    What was begun is continued. A folder that another machine has exported (MODELS_DIR/NAME there) is ready at once.
    A model that only names genres needs no export, and is ready at once too.

    Examples:
      vibe-search models pull clap-htsat-unfused
      vibe-search models pull clap-htsat-unfused --from /media/usb/clap-htsat-unfused
      vibe-search models pull discogs-effnet
    """
    from app.cli.model_install import pull

    pull(name=name, folder=folder)


@cli.command()
def export(
    name: Annotated[str, typer.Argument(help="Name of a model of the manifest, or a new one with --from.")],
    folder: Annotated[
        Path | None, typer.Option("--from", help="A checkpoint in the hub's format, in place of the pulled one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the files that a model runs from out of its checkpoint, and compare them with transformers.

    Needs the extra: pip install 'vibe-search[export]'. What comes out needs neither torch nor transformers. With a new
    name, any checkpoint of ClapModel becomes a model of that name.

    Examples:
      vibe-search models export clap-htsat-unfused
      vibe-search models export my-clap --from ./checkpoints/my-clap
    """
    from app.cli.model_install import export

    export(name=name, folder=folder, as_json=as_json)


@cli.command()
def check(
    name: Annotated[str, typer.Argument(help="Name of an installed model.")],
    as_json: AsJson = False,
) -> None:
    """Look whether a model may serve: its known vectors, the same every time, spaces that are not collapsed.

    Examples:
      vibe-search models check clap-htsat-unfused
      vibe-search models check musicnn-tags --json
    """
    from app.cli.model_check import check

    check(name=name, as_json=as_json)


@cli.command()
def use(  # noqa: PLR0913, PLR0917 - each is an option of the command
    name: Annotated[str | None, typer.Argument(help="Name of the model that is to serve.", show_default=False)] = None,
    now: Annotated[bool, typer.Option("--now", help="Serve it at once, however few tracks it has yet.")] = False,
    back: Annotated[bool, typer.Option("--back", help="Return at once to the model that served before.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Give up the switch that is under way.")] = False,
    coverage: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the tracks to embed before it serves; 1 is all.")
    ] = 1.0,
    work: Annotated[bool, typer.Option("--work", help="Run a worker here until it serves.")] = False,
    wait: Annotated[bool, typer.Option(help="Stay until it serves; otherwise workers see to it.")] = True,
    as_json: AsJson = False,
) -> None:
    """Let another model serve: embed all tracks with it beside the present one, then swap the two in one transaction.

    The model is checked first. New uploads get a vector in both. The old one's vectors stay until models remove.

    Examples:
      vibe-search models use clap-htsat-unfused
      vibe-search models use clap-htsat-unfused --work --coverage 0.99
      vibe-search models use --back
    """
    from app.cli.model_switch import use

    use(name=name, now=now, back=back, cancel=cancel, coverage=coverage, work=work, wait=wait, as_json=as_json)


@cli.command()
def remove(
    name: Annotated[str, typer.Argument(help="Name of a model that does not serve.")],
) -> None:
    """Remove a model: its vectors in the database, and its files in MODELS_DIR.

    A bundled model keeps its files.

    Example:
      vibe-search models remove musicnn-tags
    """
    from app.cli.model_install import remove

    remove(name=name)


@cli.command("embed")
def embed_text(
    text: Annotated[str, typer.Argument(help="A description of a sound.")],
    as_json: AsJson = False,
) -> None:
    """Print the vector of a text in the model that serves, as Postgres reads it.

    With --json also the model's identity, and how much the text speaks of sound (audibility of search.unified).

    Example:
      vibe-search db psql -v vec="$(vibe-search models embed 'calm piano')"
    """
    from app.cli.models import embed_text

    embed_text(text=text, as_json=as_json)
