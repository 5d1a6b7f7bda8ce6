"""The mirror of an installation that has none."""

from collections.abc import Sequence
from datetime import datetime

from numpy import float32
from numpy.typing import NDArray

from services.vector_mirror.errors import MirrorRefusedError
from services.vector_mirror.protocol import Entry, NamespaceSummary, Neighbour


class NoMirror:
    """Holds nothing and takes nothing."""

    name = ""

    async def inspect(self, namespace: str) -> NamespaceSummary | None:  # noqa: ARG002 - the protocol's
        """None: there is nothing."""
        return None

    async def create(self, namespace: str, dimensions: int) -> None:  # noqa: ARG002 - as above
        """Refuse.

        Raises:
            MirrorRefusedError: Always.
        """
        raise MirrorRefusedError("no mirror is configured: set TURBOPUFFER_ENABLED")

    async def write(self, namespace: str, entries: Sequence[Entry]) -> None:  # noqa: ARG002 - as above
        """Refuse.

        Raises:
            MirrorRefusedError: Always.
        """
        raise MirrorRefusedError("no mirror is configured: set TURBOPUFFER_ENABLED")

    async def nearest(self, namespace: str, vector: NDArray[float32], count: int, *, model: str) -> list[Neighbour]:  # noqa: ARG002 - as above
        """Nothing."""
        return []

    async def read(self, namespace: str, *, after: int | None, count: int) -> list[Entry]:  # noqa: ARG002 - as above
        """Nothing."""
        return []

    async def find(self, namespace: str, track_ids: Sequence[int]) -> list[Entry]:  # noqa: ARG002 - as above
        """Nothing."""
        return []

    async def forget_removals(self, namespace: str, before: datetime) -> None:
        """Nothing to do."""

    async def drop(self, namespace: str) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""
