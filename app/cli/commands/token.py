"""vibe-search token: create, list, revoke."""

from enum import StrEnum
from typing import Annotated

import typer

from app.cli.version import AsJson

cli = typer.Typer(help="Bearer tokens of the API: who may ask, and for what.", no_args_is_help=True)


class TokenScope(StrEnum):
    """What a token permits: app.auth.Scope, which takes long to import."""

    READ = "read"
    UPLOAD = "upload"
    ADMIN = "admin"


@cli.command(epilog="Example: vibe-search token create --did did:plc:yud5dj77ui2s53tqckvnbgu2 --scope upload")
def create(  # noqa: PLR0913, PLR0917 - each is an option of the command
    did: Annotated[str | None, typer.Option(help="The artist as whom the holder is recognised.")] = None,
    scope: Annotated[
        list[TokenScope] | None,
        typer.Option(help="What it permits; can be repeated. upload includes read, admin both.", show_default="read"),
    ] = None,
    label: Annotated[str, typer.Option(help="What it is for, to know it by later.")] = "",
    expires_days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Days until it ends.", show_default="never")
    ] = None,
    handle: Annotated[str | None, typer.Option(help="Create the artist with this handle, if there is none.")] = None,
    name: Annotated[str | None, typer.Option(help="The new artist's name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it. It is shown this once: the database keeps a hash of it.

    Standard output holds the token alone, for a script; who it is for is said on standard error.
    """
    from app.cli.token import create

    create(did=did, scope=scope, label=label, expires_days=expires_days, handle=handle, name=name, as_json=as_json)


@cli.command("list", epilog="Example: vibe-search token list --json")
def show(
    did: Annotated[str | None, typer.Option(help="Only those of this artist.")] = None, as_json: AsJson = False
) -> None:
    """List the tokens, the latest first, and when each was used last."""
    from app.cli.token import show

    show(did=did, as_json=as_json)


@cli.command(epilog="Example: vibe-search token revoke 3f9c1a0b7d42")
def revoke(
    token_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Its id: what stands between vs_ and the next _.")
    ] = None,
    did: Annotated[str | None, typer.Option(help="All of this artist's.")] = None,
    as_json: AsJson = False,
) -> None:
    """End a token, from the next request on."""
    from app.cli.token import revoke

    revoke(token_id=token_id, did=did, as_json=as_json)
