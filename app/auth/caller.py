"""Who holds a token, and what he may do with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What a token was made for, the least first; each includes those before it."""

    READ = "read"
    """Be recognised: find, and play, one's own private tracks."""
    UPLOAD = "upload"
    """Create one's own tracks and change them."""
    ADMIN = "admin"
    """Do the same with every artist's tracks."""


def include_lesser(scopes: Iterable[str]) -> frozenset[Scope]:
    """The scopes, and those that they include."""
    ranks = list(Scope)
    highest = max((ranks.index(Scope(scope)) for scope in scopes), default=-1)
    return frozenset(ranks[: highest + 1])


@dataclass(frozen=True)
class Caller:
    """The holder of a valid token.

    Attributes:
        did: The artist that he is; None for a token that is nobody's in particular.
        scopes: What he may do, with everything that this includes.
        token_id: The public id of the token.
        expires_at: When it ends, if it does.
    """

    did: str | None
    scopes: frozenset[Scope]
    token_id: str
    expires_at: datetime | None = None

    def has(self, scope: Scope) -> bool:
        """Whether the token permits so much."""
        return scope in self.scopes

    def may_change(self, artist_did: str) -> bool:
        """Whether he may create tracks as this artist, and change the artist's tracks."""
        return self.has(Scope.ADMIN) or (self.has(Scope.UPLOAD) and self.did == artist_did)
