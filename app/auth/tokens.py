"""The tokens that the database knows: made, looked up, listed and revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.auth.caller import Caller, Scope, include_lesser
from app.auth.token_text import InvalidTokenError, TokenText
from app.database import Database, Session

TokenState = Literal["valid", "expired", "revoked"]
"""Whether a token can be used, and if not, why."""


@dataclass(frozen=True)
class IssuedToken:
    """A token at the one moment when its text is known.

    Attributes:
        id: Its public id.
        token: Its whole text.
        created_at: When it was made.
        expires_at: When it ends, if it does.
    """

    id: str
    token: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class TokenRecord:
    """What is known of a token afterwards.

    Attributes:
        id: Its public id.
        did: The artist as whom its holder is recognised.
        handle: The artist's handle.
        label: What it is for, in somebody's words.
        scopes: What it was made for.
        created_at: When it was made.
        expires_at: When it ends, if it does.
        revoked_at: When it was revoked, if it was.
        last_used_at: When it was used last, exact to a minute.
        state: Whether it can be used.
    """

    id: str
    did: str | None
    handle: str | None
    label: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    state: TokenState


@dataclass(frozen=True)
class Revoked:
    """What a revocation did.

    Attributes:
        revoked: Ids of the tokens that can no longer be used.
        before: Ids of those that had been revoked already.
    """

    revoked: list[str]
    before: list[str]


async def find_caller(database: Database, text: TokenText) -> Caller:
    """Who holds a token.

    Raises:
        InvalidTokenError: It does not exist, or it has expired or was revoked, which nobody learns but its holder.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    row = await database.one_or_none("find_token", {"id": text.token_id})
    if not text.matches(None if row is None else row.hash) or row is None:
        raise InvalidTokenError("there is no such token")
    if row.state != "valid":
        raise InvalidTokenError(f"the token {'was revoked' if row.state == 'revoked' else 'has expired'}")
    if row.mark:
        await database.execute("mark_token_used", {"id": text.token_id})
    return Caller(row.did, include_lesser(row.scopes), text.token_id, row.expires_at)


async def create_token(
    session: Session,
    did: str | None,
    scopes: Sequence[Scope],
    *,
    label: str = "",
    expires_days: int | None = None,
) -> IssuedToken:
    """Make a token, in the caller's transaction if there is one.

    Args:
        session: The database, or a transaction of it.
        did: An artist that exists; None only with the scope admin.
        scopes: What it is for.
        label: The same in words.
        expires_days: How long it is valid; None is for ever.
    """
    text = TokenText.generate()
    parameters = {
        "id": text.token_id,
        "did": did,
        "label": label,
        "hash": text.hash,
        "scopes": [scope.value for scope in Scope if scope in scopes],
        "expires_days": expires_days,
    }
    row = await session.one("create_token", parameters)
    return IssuedToken(text.token_id, text.reveal(), row.created_at, row.expires_at)


async def replace_token(database: Database, did: str, scopes: Sequence[Scope], *, label: str) -> IssuedToken:
    """Make a token in the place of an artist's earlier ones of the same label, which are forgotten.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    async with database.transaction() as transaction:
        await transaction.execute("delete_labelled_tokens", {"did": did, "label": label})
        return await create_token(transaction, did, scopes, label=label)


async def list_tokens(database: Database, did: str | None = None) -> list[TokenRecord]:
    """The tokens of an artist, or all of them, the latest first.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    return [TokenRecord(**row._asdict()) for row in await database.all("list_tokens", {"did": did})]


async def revoke_tokens(database: Database, *, token_id: str | None = None, did: str | None = None) -> Revoked:
    """End a token, or all of an artist's, from the next request on.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    rows = await database.all("revoke_tokens", {"id": token_id, "did": did})
    return Revoked(
        sorted(row.id for row in rows if row.revoked_now), sorted(row.id for row in rows if not row.revoked_now)
    )
