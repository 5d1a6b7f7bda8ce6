"""What a store of vectors must be able to do to be a mirror."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

import numpy as np
from numpy import float32
from numpy.typing import NDArray


@dataclass(frozen=True)
class Document:
    """A track as the mirror has it.

    What somebody else has written may lack everything but its id and its vector.

    Attributes:
        track_id: Its id in the catalogue, which is the document's id.
        version: Grows with each change. None: of a document that was written by somebody else.
        vector: Of length 1, shape (dimensions,).
        title: What it is called.
        artist_handle: Whose it is.
        artist_did: The same, for good.
        visibility: public, or supporters where some may play what all find.
        model: Identity of the model that made the vector.
    """

    track_id: int
    version: int | None
    vector: NDArray[float32] = field(repr=False)
    title: str | None
    artist_handle: str | None
    artist_did: str | None
    visibility: str | None
    model: str | None

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, the vectors to the last bit."""
        return isinstance(other, Document) and self.facts == other.facts and np.array_equal(self.vector, other.vector)

    def __hash__(self) -> int:
        return hash(self.facts)

    @property
    def facts(self) -> tuple[object, ...]:
        """Everything but the vector."""
        return (
            self.track_id,
            self.version,
            self.title,
            self.artist_handle,
            self.artist_did,
            self.visibility,
            self.model,
        )


@dataclass(frozen=True)
class Removal:
    """Says that a track is not there, and since which version: an older write that comes late must not bring it back.

    Attributes:
        track_id: The track. Nothing else of it is kept.
        version: As in a document.
        removed_at: When it was removed; the removal itself is forgotten long after.
    """

    track_id: int
    version: int | None
    removed_at: datetime


Entry: TypeAlias = Document | Removal


@dataclass(frozen=True)
class Neighbour:
    """A track near to a vector.

    Attributes:
        track_id: The track.
        similarity: Cosine similarity, -1 to 1.
    """

    track_id: int
    similarity: float


@dataclass(frozen=True)
class NamespaceSummary:
    """What the mirror says of a namespace.

    Attributes:
        dimensions: Of its vectors; None where it has none yet.
        entries: About how many there are, removals included.
    """

    dimensions: int | None
    entries: int


class VectorMirror(Protocol):
    """A store of vectors in namespaces, which holds a copy of what is searchable.

    A method that fails raises a MirrorError. Where it raises MirrorUnavailableError a write may have happened, or may
    even happen later: so every write carries versions, and whoever writes writes again.
    """

    @property
    def name(self) -> str:
        """What the store is called, in messages; empty when there is none."""
        ...

    async def inspect(self, namespace: str) -> NamespaceSummary | None:
        """What there is; None where there is no such namespace."""
        ...

    async def create(self, namespace: str, dimensions: int) -> None:
        """Make a namespace, unless it is there.

        Raises:
            MirrorRefusedError: It is there and holds vectors of other dimensions, or it may not be made.
        """
        ...

    async def write(self, namespace: str, entries: Sequence[Entry]) -> None:
        """Write entries, all or none, except those where what is there has the same version or a newer one.

        Args:
            namespace: Which must be there: a late write must not bring back one that was dropped.
            entries: Each of another track, and with a version.

        Raises:
            DocumentsRefusedError: One of them cannot be written.
            NamespaceMissingError: The namespace is not there.
            MirrorUnavailableError: It may or may not have happened.
        """
        ...

    async def nearest(self, namespace: str, vector: NDArray[float32], count: int, *, model: str) -> list[Neighbour]:
        """The documents of a model nearest to a vector, the nearest first; none where there is no such namespace."""
        ...

    async def read(self, namespace: str, *, after: int | None, count: int) -> list[Entry]:
        """The first entries whose ids follow ``after``, in their order; none where there is no such namespace."""
        ...

    async def find(self, namespace: str, track_ids: Sequence[int]) -> list[Entry]:
        """The entries of these tracks that are there, in the order of their ids."""
        ...

    async def forget_removals(self, namespace: str, before: datetime) -> None:
        """Forget the removals that are older: no write from before them is still under way."""
        ...

    async def drop(self, namespace: str) -> None:
        """Remove a namespace with everything in it, if it is there."""
        ...

    async def close(self) -> None:
        """Close idle connections. The mirror may be used again afterwards."""
        ...
