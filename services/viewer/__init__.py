"""Who is asking, by what the application that search belongs to knows of its users.

``signed_tokens`` and ``key_set`` are imported where tokens are verified: their library takes long to import.
"""

from services.viewer.application import ApplicationViewers
from services.viewer.errors import CredentialsRefusedError, ViewerUnavailableError
from services.viewer.protocol import Credentials, NoViewers, Viewers
from services.viewer.token_rules import ASYMMETRIC, SYMMETRIC, TokenRules

__all__ = [
    "ASYMMETRIC",
    "SYMMETRIC",
    "ApplicationViewers",
    "Credentials",
    "CredentialsRefusedError",
    "NoViewers",
    "TokenRules",
    "ViewerUnavailableError",
    "Viewers",
]
