"""vibe-search mirror: status, verify, repair, rebuild, drop."""

from typing import Annotated

import typer

from app.cli.version import AsJson

cli = typer.Typer(
    help="The mirror of the vectors at turbopuffer: how it is, whether it is right, making it right.",
    no_args_is_help=True,
)


@cli.command(epilog="Example: vibe-search mirror status --json | jq .lag_seconds")
def status(as_json: AsJson = False) -> None:
    """Show which namespace serves, how far it is behind, and what the last comparison found."""
    from app.cli.mirror import status

    status(as_json=as_json)


@cli.command(epilog="Example: vibe-search mirror verify || vibe-search mirror repair")
def verify(as_json: AsJson = False) -> None:
    """Compare the mirror with the catalogue, document by document, and name every difference.

    Ends with 1 if there are any.
    """
    from app.cli.mirror import verify

    verify(as_json=as_json)


@cli.command("repair", epilog="Example: vibe-search mirror repair --json")
def repair_differences(as_json: AsJson = False) -> None:
    """Compare the mirror with the catalogue, mend exactly what differs, and compare again."""
    from app.cli.mirror import repair_differences

    repair_differences(as_json=as_json)


@cli.command(epilog="Example: vibe-search mirror rebuild")
def rebuild(
    wait: Annotated[bool, typer.Option(help="Fill it here and stay until it serves; otherwise a worker does.")] = True,
    as_json: AsJson = False,
) -> None:
    """Fill a new namespace beside the one that serves, compare it, and let it serve; the old one is dropped."""
    from app.cli.mirror import rebuild

    rebuild(wait=wait, as_json=as_json)


@cli.command(epilog="Example: vibe-search mirror drop --yes")
def drop(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Do not ask turbopuffer for anything: what is there stays there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Drop the mirror with everything in it, until vibe-search mirror rebuild; searches go on with Postgres alone."""
    from app.cli.mirror import drop

    drop(yes=yes, forget=forget, as_json=as_json)
