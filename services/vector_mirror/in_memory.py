"""A mirror in the memory of this process: the shortest one that is right, to read and to test others against."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from services.vector_mirror.errors import DocumentsRefusedError, MirrorRefusedError, NamespaceMissingError
from services.vector_mirror.protocol import Document, Entry, NamespaceSummary, Neighbour, Removal


class InMemoryMirror:
    """Keeps namespaces in dictionaries; they are gone when the process ends."""

    name = "memory"

    def __init__(self) -> None:
        self._dimensions: dict[str, int] = {}
        self._entries: dict[str, dict[int, Entry]] = {}

    async def inspect(self, namespace: str) -> NamespaceSummary | None:
        """What there is; None where there is no such namespace."""
        if namespace not in self._entries:
            return None
        return NamespaceSummary(self._dimensions[namespace], len(self._entries[namespace]))

    async def create(self, namespace: str, dimensions: int) -> None:
        """Make a namespace, unless it is there.

        Raises:
            MirrorRefusedError: It is there and holds vectors of other dimensions.
        """
        if self._dimensions.setdefault(namespace, dimensions) != dimensions:
            raise MirrorRefusedError(f"{namespace} holds vectors of {self._dimensions[namespace]} dimensions")
        self._entries.setdefault(namespace, {})

    async def write(self, namespace: str, entries: Sequence[Entry]) -> None:
        """Write each entry over an older one, all or none.

        Raises:
            DocumentsRefusedError: A vector has other dimensions, or an id comes twice.
            NamespaceMissingError: There is no such namespace.
        """
        if namespace not in self._entries:
            raise NamespaceMissingError(f"there is no namespace {namespace}")
        wanted = (self._dimensions[namespace],)
        if any(isinstance(entry, Document) and entry.vector.shape != wanted for entry in entries):
            raise DocumentsRefusedError(f"vectors of {namespace} have {wanted[0]} dimensions")
        if len({entry.track_id for entry in entries}) < len(entries):
            raise DocumentsRefusedError("an id comes twice")
        held = self._entries[namespace]
        held |= {entry.track_id: entry for entry in entries if _is_newer(entry, held.get(entry.track_id))}

    async def nearest(self, namespace: str, vector: NDArray[float32], count: int, *, model: str) -> list[Neighbour]:
        """The documents of a model nearest to a vector, the nearest first."""
        documents = [
            entry
            for entry in self._entries.get(namespace, {}).values()
            if isinstance(entry, Document) and entry.model == model
        ]
        length = float(np.linalg.norm(vector))
        found = [
            Neighbour(entry.track_id, float(entry.vector @ vector) / (float(np.linalg.norm(entry.vector)) * length))
            for entry in documents
        ]
        return sorted(found, key=lambda neighbour: (-neighbour.similarity, neighbour.track_id))[:count]

    async def read(self, namespace: str, *, after: int | None, count: int) -> list[Entry]:
        """The first entries whose ids follow ``after``."""
        held = self._entries.get(namespace, {})
        return [held[track_id] for track_id in sorted(held) if after is None or track_id > after][:count]

    async def find(self, namespace: str, track_ids: Sequence[int]) -> list[Entry]:
        """The entries of these tracks that are there."""
        held = self._entries.get(namespace, {})
        return [held[track_id] for track_id in sorted(set(track_ids)) if track_id in held]

    async def forget_removals(self, namespace: str, before: datetime) -> None:
        """Forget the removals that are older."""
        held = self._entries.get(namespace, {})
        for track_id in [k for k, entry in held.items() if isinstance(entry, Removal) and entry.removed_at < before]:
            del held[track_id]

    async def drop(self, namespace: str) -> None:
        """Remove a namespace with everything in it."""
        self._entries.pop(namespace, None)
        self._dimensions.pop(namespace, None)

    async def close(self) -> None:
        """Nothing to do."""


def _is_newer(entry: Entry, held: Entry | None) -> bool:
    return held is None or held.version is None or (entry.version is not None and entry.version > held.version)
