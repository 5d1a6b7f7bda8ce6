"""The tracks that the mirror has to be told about: taken, read, and forgotten once it has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from app.database import Session, read_halfvec
from services.vector_mirror import Document, Entry, Removal

_NOTE_CHANGES = text("select search_internal.note_mirror_changes(:track_ids)")


@dataclass(frozen=True)
class Claim:
    """Tracks that were taken to be told about.

    Attributes:
        versions: By track id.
    """

    versions: Mapping[int, int]

    @property
    def parameters(self) -> dict[str, object]:
        """What the queries take."""
        return {"track_ids": list(self.versions), "versions": list(self.versions.values())}


async def claim_changes(session: Session, most: int) -> Claim:
    """Take the oldest changes, each under a new version."""
    rows = await session.all("mirror_claim_changes", {"most": most})
    return Claim({row.track_id: row.version for row in rows})


async def read_claimed(session: Session, claim: Claim, namespace: str) -> list[Entry]:
    """What to write into a namespace; nothing of tracks that have changed again since they were taken."""
    rows = await session.all("mirror_claimed_documents", {"namespace": namespace, **claim.parameters})
    now = datetime.now(UTC)
    return [
        Removal(row.track_id, row.version, now) if row.embedding is None else to_document(row, row.version)
        for row in rows
    ]


async def acknowledge(session: Session, versions: Mapping[int, int]) -> None:
    """Forget changes that the mirror has under these versions."""
    await session.execute("mirror_acknowledge_changes", Claim(versions).parameters)


async def refuse(session: Session, versions: Mapping[int, int], reasons: Mapping[int, str]) -> None:
    """Set changes aside that the mirror will not take."""
    for track_id, reason in reasons.items():
        parameters = {"track_id": track_id, "version": versions[track_id], "reason": reason}
        await session.execute("mirror_refuse_change", parameters)


async def note_changes(session: Session, track_ids: Sequence[int]) -> None:
    """Note that the mirror has to be told about tracks, in a transaction of its own."""
    await session.execute(_NOTE_CHANGES, {"track_ids": list(track_ids)})


async def next_version(session: Session) -> int:
    """A version for what is read afterwards."""
    version: int = await session.scalar("mirror_next_version")
    return version


async def read_documents(  # noqa: PLR0913 - which documents, in all ways
    session: Session,
    namespace: str,
    version: int | None = None,
    *,
    track_ids: Sequence[int] | None = None,
    after: int | None = None,
    most: int | None = None,
) -> list[Document]:
    """What a namespace should hold, by id: of some tracks, or the first after an id.

    Args:
        session: The database.
        namespace: Which.
        version: That the documents are given.
        track_ids: The tracks; None for all.
        after: Only larger ids.
        most: So many at most.
    """
    parameters = {
        "namespace": namespace,
        "track_ids": None if track_ids is None else list(track_ids),
        "after": after,
        "most": most,
    }
    rows = await session.all("mirror_documents", parameters)
    return [to_document(row, version) for row in rows]


def to_document(row: Any, version: int | None) -> Document:  # noqa: ANN401 - a row of `mirror_documents`
    """A document of a row."""
    return Document(
        track_id=row.track_id,
        version=version,
        vector=read_halfvec(bytes(row.embedding)),
        title=row.title,
        artist_handle=row.artist_handle,
        artist_did=row.artist_did,
        visibility=row.visibility,
        model=row.model,
    )
