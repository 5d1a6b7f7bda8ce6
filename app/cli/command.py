"""The vibe-search command and its subcommands."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Annotated, Any

import typer

from app.cli.commands import (
    backfill,
    bench,
    clap,
    database,
    mirror,
    models,
    processes,
    queue,
    sample,
    searches,
    token,
)
from app.cli.exit_status import configure_log, run_to_exit
from app.cli.help_text import IN_PLAIN_TEXT, explain
from app.cli.version import version

cli = typer.Typer(
    name="vibe-search",
    help="Search an audio catalogue by name and by sound, in one Postgres.",
    no_args_is_help=True,
    **IN_PLAIN_TEXT,
)
cli.command()(processes.demo)
cli.command()(processes.serve)
cli.command()(processes.worker)
cli.command()(searches.search)
cli.command()(searches.similar)
cli.command()(searches.evaluate)
cli.command()(backfill.audit)
cli.add_typer(backfill.cli, name="backfill")
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


def run() -> None:
    """Run the command that the arguments name, and exit."""
    root = typer.main.get_command(cli)
    for command in _all_commands(root):
        explain(command)
        # the version is no secret, and the settings take long to import
        if not hasattr(command, "commands") and command.name != "version":
            command.callback = _in_private(command.callback)
    run_to_exit(root, hint="vibe-search --verbose ... shows where")


def run_script(command: Callable[..., None]) -> None:
    """Run one command as a program of its own, and exit.

    Args:
        command: The function of the command.
    """
    program = typer.Typer(add_completion=False, **IN_PLAIN_TEXT)
    program.command()(_in_private(command))
    root = typer.main.get_command(program)
    explain(root)
    run_to_exit(root, hint="--verbose shows where")


def _all_commands(command: Any) -> Iterator[Any]:  # noqa: ANN401 - the types of typer's own click are not public
    yield command
    for child in getattr(command, "commands", {}).values():
        yield from _all_commands(child)


def _in_private(work: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose memory is private before it does anything; its help needs no such thing."""

    @wraps(work)
    def run_privately(**options: object) -> object:
        from app.cli.private_memory import keep_memory_private

        keep_memory_private()
        return work(**options)

    return run_privately
