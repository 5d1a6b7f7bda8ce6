"""The vibe-search command and its subcommands, one module each."""

import logging
import signal
import sys
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from app.cli import database, demo, evaluate, models, search, serve, worker
from app.cli.version import version
from app.errors import DatabaseUnavailableError, UserError

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
cli.command()(evaluate.evaluate)
cli.add_typer(database.cli, name="db")
cli.add_typer(models.cli, name="models")
cli.command()(version)


@cli.callback()
def configure(
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what happens, to standard error.")] = False,
) -> None:
    """Search an audio catalogue by name and by sound, in one Postgres."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def main() -> None:
    """Run the command; exits with 2 for what the user can mend, 1 for what he cannot, 130 on Ctrl-C."""
    signal.signal(signal.SIGTERM, _stop)
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        cli()
    except UserError as error:
        errors.print(f"[bold red]error:[/] {_escape(error)}")
        sys.exit(2)
    except DatabaseUnavailableError as error:
        errors.print(f"[bold red]error:[/] Postgres cannot be reached: {_escape(error)}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _escape(error: Exception) -> str:
    return str(error).replace("[", r"\[")


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End as on Ctrl-C, so that the embedded Postgres is stopped too."""
    raise KeyboardInterrupt
