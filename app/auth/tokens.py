"""Bearer tokens: made, checked, listed, revoked.

A token reads ``vs_<id>_<secret>``. The id is public and finds the row; the secret has 256 random bits, of which the
database has a SHA-256. Passwords want a slow hash because they can be guessed; nobody guesses 256 bits.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import ForeignKeyViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.auth.caller import Caller, Scope
from app.database import guard_connection, load_query

PREFIX = "vs_"
"""By which people and secret scanners recognise a token."""

_ID_BYTES = 8
_SECRET_BYTES = 32
_TOKEN = re.compile(r"vs_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NO_HASH = bytes(32)


class InvalidTokenError(Exception):
    """A token that is none, has expired or was revoked; all three look alike to whoever tries one."""


class UnknownOwnerError(LookupError):
    """There is no artist with this DID."""


@dataclass(frozen=True)
class IssuedToken:
    """A new token.

    Attributes:
        token: Its text, which is shown once.
        id: Its public part.
        created_at: Now.
        expires_at: When it ends; None for never.
    """

    token: str
    id: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class TokenRecord:
    """A token as lists show it.

    Attributes:
        id: Its public part.
        did: For whom it speaks; None for an administrator who is no artist.
        handle: Of that artist.
        label: What it is for.
        scopes: What it allows.
        created_at: When it was made.
        expires_at: When it ends; None for never.
        revoked_at: When it was revoked; None if it was not.
        used_at: About when it was last used.
        valid: Whether it works now.
    """

    id: str
    did: str | None
    handle: str | None
    label: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
    valid: bool


async def issue_token(
    engine: AsyncEngine, *, did: str | None, scopes: Sequence[Scope], label: str = "", expires_days: int | None = None
) -> IssuedToken:
    """Make a token.

    Args:
        engine: The database.
        did: For whom it speaks; None only with the scope `admin`.
        scopes: What it allows, at least one.
        label: What it is for.
        expires_days: Days until it ends; None for never.

    Raises:
        UnknownOwnerError: There is no such artist.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    token_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    values = {
        "id": token_id,
        "hash": _hash(secret),
        "did": did,
        "label": label,
        "scopes": list(scopes),
        "expires_days": expires_days,
    }
    with guard_connection():
        async with engine.connect() as connection:
            try:
                row = (await connection.execute(load_query("insert_token"), values)).one()
            except IntegrityError as error:
                if isinstance(error.orig, ForeignKeyViolation):
                    raise UnknownOwnerError(did) from error
                raise
    return IssuedToken(f"{PREFIX}{token_id}_{secret}", token_id, row.created_at, row.expires_at)


async def check_token(engine: AsyncEngine, token: str) -> Caller:
    """Whose a token is.

    Raises:
        InvalidTokenError: Nobody's.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        raise InvalidTokenError
    token_id, secret = parts.groups()
    with guard_connection():
        async with engine.connect() as connection:
            row: Any = (await connection.execute(load_query("find_token"), {"id": token_id})).one_or_none()
            # an unknown id takes the same steps as a wrong secret
            same = hmac.compare_digest(_hash(secret), _NO_HASH if row is None else bytes(row.hash))
            if row is None or not same or not row.valid:
                raise InvalidTokenError
            if row.use_is_news:
                await connection.execute(load_query("note_token_use"), {"id": token_id})
    return Caller(row.did, tuple(row.scopes), row.id, row.handle, row.display_name, row.expires_at)


async def list_tokens(engine: AsyncEngine, did: str | None = None) -> list[TokenRecord]:
    """All tokens, or those of one artist, the newest first.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with guard_connection():
        async with engine.connect() as connection:
            rows = (await connection.execute(load_query("list_tokens"), {"did": did})).mappings().all()
    return [TokenRecord(**row) for row in rows]


async def revoke_tokens(
    engine: AsyncEngine, *, token_id: str | None = None, did: str | None = None, label: str | None = None
) -> list[str]:
    """Revoke one token, or those of an artist, or of these the ones with a label; the ids that were valid until now.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with guard_connection():
        async with engine.connect() as connection:
            values = {"id": token_id, "did": did, "label": label}
            return list((await connection.execute(load_query("revoke_tokens"), values)).scalars())


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
