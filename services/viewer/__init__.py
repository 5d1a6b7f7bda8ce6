"""Who is asking, by what the application that search belongs to knows of its users."""

from services.viewer.application import ApplicationViewers
from services.viewer.errors import CredentialsRefusedError, ViewerUnavailableError
from services.viewer.key_set import KeySet, KeyTimes, RemoteKeySet, SharedSecret, VerificationKeys, file_key_set
from services.viewer.protocol import Credentials, NoViewers, Viewers
from services.viewer.signed_tokens import ASYMMETRIC, SYMMETRIC, SignedTokenViewers, TokenRules

__all__ = [
    "ASYMMETRIC",
    "SYMMETRIC",
    "ApplicationViewers",
    "Credentials",
    "CredentialsRefusedError",
    "KeySet",
    "KeyTimes",
    "NoViewers",
    "RemoteKeySet",
    "SharedSecret",
    "SignedTokenViewers",
    "TokenRules",
    "VerificationKeys",
    "ViewerUnavailableError",
    "Viewers",
    "file_key_set",
]
