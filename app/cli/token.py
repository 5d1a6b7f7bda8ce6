"""vibe-search token: create, list, revoke."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table
from rich.text import Text
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from app.auth import IssuedToken, Scope, TokenRecord, create_token, list_tokens, revoke_tokens
from app.database import Database, Transaction, run_with_database
from app.database.tables import Artist
from app.errors import UserError
from app.settings import get_settings
from app.terminal import make_console, print_line, print_table


@dataclass(frozen=True)
class _Artist:
    """Whose token it is to be.

    Attributes:
        did: His DID.
        names: Handle and display name, if he may be created.
    """

    did: str
    names: tuple[str, str] | None


def create(  # noqa: PLR0913 - each is an option of the command
    *,
    did: str | None,
    scope: Sequence[str] | None,
    label: str,
    expires_days: int | None,
    handle: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Make a token and print it. It is shown this once: the database keeps a hash of it."""
    scopes = [Scope(one) for one in scope or [Scope.READ]]
    artist = _check_artist(did, scopes, handle, name)
    issued = run_with_database(
        get_settings(), lambda _, database: _create(database, artist, scopes, label=label, expires_days=expires_days)
    )
    if as_json:
        described = {"did": did, "label": label, "scopes": scopes}
        print_line(json.dumps(asdict(issued) | described, default=str, indent=2))
        return
    print_line(issued.token)
    ends = f"until {_day(issued.expires_at)}" if issued.expires_at else "until it is revoked"
    holder = did or "nobody in particular"
    print_line(f"{issued.id}: {', '.join(scopes)} as {holder}, {ends}; shown this once", stderr=True)


def show(*, did: str | None, as_json: bool) -> None:
    """List the tokens, the latest first, and when each was used last."""
    tokens = run_with_database(get_settings(), lambda _, database: list_tokens(database, did))
    if as_json:
        print_line(json.dumps([asdict(token) for token in tokens], default=str, indent=2))
        return
    if tokens:
        print_table(make_console(), _render(tokens))
    else:
        print_line("there are no tokens")


def revoke(*, token_id: str | None, did: str | None, as_json: bool) -> None:
    """End a token, from the next request on."""
    if (token_id is None) == (did is None):
        raise UserError("say which token: its ID, or --did for all of an artist's")
    found = run_with_database(get_settings(), lambda _, database: revoke_tokens(database, token_id=token_id, did=did))
    if token_id is not None and not found.revoked and not found.before:
        raise UserError(f"there is no token {token_id!r}: vibe-search token list shows their ids")
    if as_json:
        print_line(json.dumps({"revoked": found.revoked}))
        return
    number = len(found.revoked)
    before = f", {len(found.before)} before" if found.before else ""
    print_line(f"{number:,} {'token' if number == 1 else 'tokens'} revoked{before}")


def _check_artist(did: str | None, scopes: list[Scope], handle: str | None, name: str | None) -> _Artist | None:
    """The artist that the options describe; None for a token that is nobody's in particular.

    Raises:
        UserError: The options do not go together.
    """
    if "" in {did, handle, name}:
        raise UserError("--did, --handle and --name cannot be empty")
    if (handle is None) != (name is None):
        raise UserError("a new artist needs both --handle and --name")
    if did is not None:
        return _Artist(did, None if handle is None or name is None else (handle, name))
    if handle is not None:
        raise UserError("a new artist needs --did, too")
    if Scope.ADMIN not in scopes:
        raise UserError("say whose token it is: --did. Only one with --scope admin can do without")
    return None


async def _create(
    database: Database, artist: _Artist | None, scopes: list[Scope], *, label: str, expires_days: int | None
) -> IssuedToken:
    async with database.transaction() as transaction:
        if artist is not None:
            await _ensure_artist(transaction, artist)
        did = None if artist is None else artist.did
        return await create_token(transaction, did, scopes, label=label, expires_days=expires_days)


async def _ensure_artist(transaction: Transaction, artist: _Artist) -> None:
    """Find the artist, or create him if his names are given.

    Raises:
        UserError: He is not there and has no names, or is there under others.
    """
    names = select(Artist.handle, Artist.display_name).where(Artist.did == artist.did)
    known = await transaction.one_or_none(names)
    if known is not None:
        if artist.names not in {None, tuple(known)}:
            raise UserError(f"{artist.did} is {known.display_name} ({known.handle}): leave out --handle and --name")
        return
    if artist.names is None:
        raise UserError(f"there is no artist {artist.did!r}: with --handle and --name one is created")
    handle, name = artist.names
    try:
        await transaction.execute(insert(Artist).values(did=artist.did, handle=handle, display_name=name))
    except IntegrityError as error:
        raise UserError(f"--handle: another artist is called {handle}") from error


def _render(tokens: list[TokenRecord]) -> Table:
    table = Table(
        Column("id", no_wrap=True),
        Column("artist", overflow="fold"),
        Column("label", overflow="fold"),
        *(Column(heading, no_wrap=True) for heading in ("scopes", "created\nlast used", "ends")),
        box=SIMPLE_HEAD,
    )
    for token in tokens:
        artist = "" if token.did is None else f"{token.handle}\n{token.did}"
        days = f"{_day(token.created_at)}\n{_day(token.last_used_at)}"
        cells = (artist, token.label, "\n".join(token.scopes), days, _end(token))
        # as text: what people wrote may have square brackets, which are markup otherwise
        table.add_row(token.id, *(Text(cell) for cell in cells), style=None if token.state == "valid" else "dim")
    return table


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else moment.astimezone().strftime("%Y-%m-%d")


def _end(token: TokenRecord) -> str:
    """When a token ends, or why it has."""
    if token.state == "revoked":
        return f"revoked\n{_day(token.revoked_at)}"
    return f"expired\n{_day(token.expires_at)}" if token.state == "expired" else _day(token.expires_at)
