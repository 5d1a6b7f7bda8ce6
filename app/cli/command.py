"""The vibe-search command and its subcommands, one module each."""

from typing import Annotated

import typer

from app.cli import (
    bench,
    clap,
    database,
    demo,
    evaluate,
    mirror,
    models,
    queue,
    sample,
    search,
    serve,
    similar,
    token,
    worker,
)
from app.cli.exit_status import configure_log, run_to_exit
from app.cli.private_memory import keep_memory_private
from app.cli.version import version

cli = typer.Typer(
    name="vibe-search",
    help="Search an audio catalogue by name and by sound, in one Postgres.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
cli.command()(demo.demo)
cli.command()(serve.serve)
cli.command()(worker.worker)
cli.command()(search.search)
cli.command()(similar.similar)
cli.command()(evaluate.evaluate)
cli.add_typer(bench.cli, name="bench")
cli.add_typer(clap.cli, name="clap")
cli.add_typer(database.cli, name="db")
cli.add_typer(mirror.cli, name="mirror")
cli.add_typer(models.cli, name="models")
cli.add_typer(queue.cli, name="queue")
cli.add_typer(sample.cli, name="sample")
cli.add_typer(token.cli, name="token")
cli.command()(version)


@cli.callback()
def configure(
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what happens, to standard error.")] = False,
) -> None:
    """Search an audio catalogue by name and by sound, in one Postgres."""
    configure_log(verbose=verbose)


def main() -> None:
    """Run the command."""
    keep_memory_private()
    run_to_exit(cli, hint="vibe-search --verbose ... shows where")
