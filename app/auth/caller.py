"""Somebody who makes a request."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

Scope: TypeAlias = Literal["read", "upload", "admin"]
"""What a token allows: each includes those before it."""

_ORDER: tuple[Scope, ...] = ("read", "upload", "admin")


@dataclass(frozen=True)
class Caller:
    """Who is asking.

    Attributes:
        did: The artist or listener; None for somebody unknown.
        scopes: What his token was made for; empty without one.
        token_id: The public part of the token; None without one.
        handle: Of the artist, where the token has one.
        display_name: Likewise.
        expires_at: When the token ends; None for never.
    """

    did: str | None = None
    scopes: tuple[Scope, ...] = ()
    token_id: str | None = None
    handle: str | None = None
    display_name: str | None = None
    expires_at: datetime | None = None

    def has(self, scope: Scope) -> bool:
        """Whether the token allows this, by itself or by a scope that includes it."""
        return any(_ORDER.index(held) >= _ORDER.index(scope) for held in self.scopes)

    def may_change(self, artist_did: str) -> bool:
        """Whether he may make, change and delete tracks of an artist: his own, or as an administrator all."""
        return self.has("admin") or (self.has("upload") and self.did == artist_did)


ANONYMOUS = Caller()
"""Somebody without a token."""
