"""Who is asking, by what the application that search belongs to knows of its users."""

from services.viewer.application import ApplicationViewers
from services.viewer.errors import CredentialsRefusedError, ViewerUnavailableError
from services.viewer.protocol import Credentials, NoViewers, Viewers

__all__ = [
    "ApplicationViewers",
    "Credentials",
    "CredentialsRefusedError",
    "NoViewers",
    "ViewerUnavailableError",
    "Viewers",
]
