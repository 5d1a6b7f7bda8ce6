"""Who is asking: bearer tokens, what they permit, and where they are kept."""

from app.auth.caller import Caller, Scope
from app.auth.token_text import ForeignToken, InvalidTokenError, TokenText, read_authorization
from app.auth.tokens import (
    IssuedToken,
    Revoked,
    TokenRecord,
    create_token,
    find_caller,
    list_tokens,
    replace_token,
    revoke_tokens,
)

__all__ = [
    "Caller",
    "ForeignToken",
    "InvalidTokenError",
    "IssuedToken",
    "Revoked",
    "Scope",
    "TokenRecord",
    "TokenText",
    "create_token",
    "find_caller",
    "list_tokens",
    "read_authorization",
    "replace_token",
    "revoke_tokens",
]
