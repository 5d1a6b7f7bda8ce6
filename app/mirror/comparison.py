"""Whether the mirror holds what it should: both sides read by id, and every difference named."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from sqlalchemy import text

from app.database import Database
from app.mirror import changes
from services.vector_mirror import Document, Entry, VectorMirror

Kind: TypeAlias = Literal["missing", "extra", "stale", "wrong vector"]

KINDS: tuple[Kind, ...] = ("missing", "extra", "stale", "wrong vector")

PAGE = 1000
"""Entries that are read at once from either side."""

_TOLERANCE = 1e-6
"""Halves are exact as 32-bit floats: what differs by more in an element is another vector."""

_RAISE_VERSION = text("select search_internal.raise_mirror_version(:version)")

_FACTS = ("title", "artist_handle", "artist_did", "visibility", "model")


@dataclass(frozen=True)
class MirrorDifference:
    """Something that the mirror does not have, has and should not, or has otherwise.

    Attributes:
        kind: What.
        track_id: The track.
        title: What it is called in the catalogue; None where it is not there.
        detail: What differs, in words.
    """

    kind: Kind
    track_id: int
    title: str | None
    detail: str


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        namespace: What was compared.
        after: Ids above this one were; None from the first.
        upto: Ids up to this one were; None to the last.
        compared: Documents that are where they should be, or should be, or are.
        pending: Those of them that the mirror has yet to be told about: what they are is not known.
        differences: By id.
        newest_version: The highest version that was seen.
    """

    namespace: str
    after: int | None = None
    upto: int | None = None
    compared: int = 0
    pending: int = 0
    differences: list[MirrorDifference] = field(default_factory=list)
    newest_version: int = 0

    def count(self, kind: Kind) -> int:
        """How many differences of a kind there are."""
        return sum(difference.kind == kind for difference in self.differences)


def _ignore(_compared: int) -> None:
    """Whoever does not want to know."""


async def compare(  # noqa: PLR0913 - which part, and how
    database: Database,
    store: VectorMirror,
    namespace: str,
    *,
    after: int | None = None,
    most: int | None = None,
    show: Callable[[int], None] = _ignore,
) -> Comparison:
    """Compare a namespace with the catalogue, while both are in use.

    A difference counts when it is there in two looks one after the other and nothing is noted of the track to be told.

    Args:
        database: The database.
        store: The mirror.
        namespace: Which.
        after: Only larger ids.
        most: Stop after about so many documents; None goes to the end.
        show: Told how many were compared so far.

    Raises:
        MirrorError: The mirror does not answer.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    differences: list[MirrorDifference] = []
    compared = pending = newest = 0
    place: int | None = after
    while True:
        held = await store.read(namespace, after=place, count=PAGE)
        wanted = await changes.read_documents(database, namespace, after=place, most=PAGE)
        upto = _common_end(held, wanted)
        page = _Page(held, wanted, upto)
        newest = max([newest, *(entry.version or 0 for entry in held)])
        found, waiting = await _confirm(database, store, namespace, page)
        differences += found
        compared, pending, place = compared + page.size, pending + waiting, upto if upto is not None else place
        show(compared)
        if upto is None or (most is not None and compared >= most):
            return Comparison(namespace, after, upto, compared, pending, differences, newest)


class _Page:
    """Both sides, as far as both were read."""

    def __init__(self, held: list[Entry], wanted: list[Document], upto: int | None) -> None:
        self.held = {entry.track_id: entry for entry in held if upto is None or entry.track_id <= upto}
        self.wanted = {entry.track_id: entry for entry in wanted if upto is None or entry.track_id <= upto}
        documents = {track_id for track_id, entry in self.held.items() if isinstance(entry, Document)}
        self.size = len(documents | self.wanted.keys())

    def differing(self) -> dict[int, tuple[Kind, str]]:
        """What differs, by track."""
        found = {}
        for track_id in sorted(self.held.keys() | self.wanted.keys()):
            difference = _differ(self.held.get(track_id), self.wanted.get(track_id))
            if difference is not None:
                found[track_id] = difference
        return found


def _common_end(held: list[Entry], wanted: list[Document]) -> int | None:
    """The id up to which both sides have been read; None where both have been read to the end."""
    ends = [side[-1].track_id for side in (held, wanted) if len(side) == PAGE]
    return min(ends) if ends else None


def _differ(held: Entry | None, wanted: Document | None) -> tuple[Kind, str] | None:
    document = held if isinstance(held, Document) else None
    if wanted is None:
        return None if document is None else ("extra", "")
    if document is None:
        return "missing", "" if held is None else "it counts as removed"
    if document.vector.shape != wanted.vector.shape:
        return "wrong vector", f"{document.vector.size} dimensions, not {wanted.vector.size}"
    off = float(np.max(np.abs(document.vector - wanted.vector), initial=0))
    if not off <= _TOLERANCE:
        return "wrong vector", f"off by {off:.2g}"
    other = [name for name in _FACTS if getattr(document, name) != getattr(wanted, name)]
    if document.version is None:
        other.append("version")
    return ("stale", "other " + ", ".join(name.replace("_", " ") for name in other)) if other else None


async def _confirm(
    database: Database, store: VectorMirror, namespace: str, page: _Page
) -> tuple[list[MirrorDifference], int]:
    """The differences of a page that are there when looked at again, and how many tracks are still to be told about."""
    found = page.differing()
    waiting = 0
    for _look in range(2):
        if not found:
            break
        pending = await _pending(database, list(found))
        waiting += len(pending)
        left = sorted(found.keys() - pending)
        held = await store.find(namespace, left)
        wanted = await changes.read_documents(database, namespace, track_ids=left)
        found = _Page(held, wanted, None).differing()
    if not found:
        return [], waiting
    pending = await _pending(database, list(found))
    tracks = {row.id: row for row in await database.all("mirror_track_titles", {"track_ids": list(found)})}
    return [
        MirrorDifference(
            kind, track_id, getattr(tracks.get(track_id), "title", None), detail or _why(kind, tracks.get(track_id))
        )
        for track_id, (kind, detail) in found.items()
        if track_id not in pending
    ], waiting + len(pending)


async def _pending(database: Database, track_ids: list[int]) -> set[int]:
    return {row[0] for row in await database.all("mirror_pending", {"track_ids": track_ids})}


def _why(kind: Kind, track: object) -> str:
    if kind != "extra":
        return ""
    if track is None:
        return "there is no such track"
    return "it has no vector" if getattr(track, "listed", False) else f"it is {getattr(track, 'visibility', '')}"


async def record(database: Database, found: Comparison) -> None:
    """Remember what a comparison found.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    counts = {kind.replace(" ", "_"): found.count(kind) for kind in KINDS}
    ends = {"namespace": found.namespace, "first_id": found.after, "last_id": found.upto, "compared": found.compared}
    await database.execute("mirror_record_check", {**ends, **counts})


async def repair(database: Database, found: Comparison) -> int:
    """Note every difference as a change, so that the next round mends it; how many there were.

    Where the mirror has newer versions than this database has given out, as after a restore, versions go on above them.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    last: int = await database.scalar("mirror_last_version")
    if found.newest_version > last:
        await database.execute(_RAISE_VERSION, {"version": found.newest_version})
    ids = [difference.track_id for difference in found.differences]
    if ids:
        await changes.note_changes(database, ids)
    return len(ids)
