"""What the web process needs to recognise a viewer."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Credentials:
    """What a request holds of the application's own credentials.

    Attributes:
        cookie: The Cookie header, if any.
        bearer: The bearer token of the Authorization header, if any; never a token of vibe-search.
    """

    cookie: str | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        """Whether there is anything to verify."""
        return bool(self.cookie or self.bearer)


class Viewers(Protocol):
    """Tells viewers by their credentials. Used on one event loop."""

    async def find(self, credentials: Credentials) -> str | None:
        """The viewer's DID; None for an anonymous viewer.

        Raises:
            ViewerUnavailableError: It cannot be told at the moment.
            CredentialsRefusedError: The bearer token should be verified here, and is not valid.
        """
        ...

    async def close(self) -> None:
        """End what is under way, and close connections."""
        ...


class NoViewers:
    """Knows no viewers: every request is anonymous."""

    async def find(self, credentials: Credentials) -> str | None:  # noqa: ARG002 - the protocol's signature
        """None."""
        return None

    async def close(self) -> None:
        """Nothing is open."""
