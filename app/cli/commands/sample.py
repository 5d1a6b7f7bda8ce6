"""vibe-search sample: import."""

import typer

from app.cli.version import AsJson

cli = typer.Typer(help="The sample library: 28 real recordings under invented names.", no_args_is_help=True)


@cli.command("import", epilog="Example: vibe-search sample import && vibe-search worker --drain")
def import_sample(as_json: AsJson = False) -> None:
    """Import the sample library into the database and the audio store; a worker then embeds it."""
    from app.cli.sample import import_sample

    import_sample(as_json=as_json)
