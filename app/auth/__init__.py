"""Who is asking, and what he may do."""

from app.auth.caller import ANONYMOUS, Caller, Scope
from app.auth.requests import Admin, Identified, Reader, Uploader, Viewer, require_uploader
from app.auth.tokens import (
    InvalidTokenError,
    IssuedToken,
    TokenRecord,
    UnknownOwnerError,
    check_token,
    issue_token,
    list_tokens,
    revoke_tokens,
)

__all__ = [
    "ANONYMOUS",
    "Admin",
    "Caller",
    "Identified",
    "InvalidTokenError",
    "IssuedToken",
    "Reader",
    "Scope",
    "TokenRecord",
    "UnknownOwnerError",
    "Uploader",
    "Viewer",
    "check_token",
    "issue_token",
    "list_tokens",
    "require_uploader",
    "revoke_tokens",
]
