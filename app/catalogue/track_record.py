"""A track as it is, and how far the work on it has come."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from app.database import Database

TaskStatus = Literal["done", "running", "queued", "waiting", "failed", "missing"]
"""How far a task on a track's present audio is; `waiting` for that audio, `missing` where no job will do it."""

_WORST_FIRST: tuple[TaskStatus, ...] = ("failed", "running", "queued", "waiting", "done", "missing")


LARGEST_ID = 2**63 - 1
"""What a bigint holds: there is no track beyond, and Postgres would refuse to look."""


@dataclass(frozen=True)
class TaskProgress:
    """One task on a track's present audio.

    Attributes:
        task: `embed_track` or `classify_genres`.
        model: Identity of the model that embeds; empty for other tasks.
        state: How far it is.
        reason: Why its last attempt failed, in words; None where none did.
        permanent: Whether another attempt would fail in the same way.
        attempts: Attempts that failed.
    """

    task: str
    model: str
    state: TaskStatus
    reason: str | None
    permanent: bool
    attempts: int


@dataclass(frozen=True)
class TrackRecord:
    """A track with its names, its tags and its tasks.

    Attributes:
        tasks: What is done with its present audio.
        visible: Whether the viewer who asked may see it.
    """

    id: int
    title: str
    artist_did: str
    artist_handle: str
    artist_display_name: str
    album_title: str | None
    image_url: str | None
    file_id: str
    file_type: str
    visibility: str
    play_count: int
    created_at: datetime | None
    tags: list[str]
    tasks: list[TaskProgress]
    visible: bool

    @property
    def state(self) -> TaskStatus:
        """The tasks in one word: the first of failed, running, queued, waiting, done, missing that any of them is."""
        states = {task.state for task in self.tasks}
        return next((state for state in _WORST_FIRST if state in states), "missing")


Asked: TypeAlias = tuple[int, str | None]
"""A track's id, and the DID of the viewer who asks for it; None for one who is not known."""


async def read_tracks(database: Database, asked: Collection[Asked]) -> dict[Asked, TrackRecord]:
    """Look tracks up, in one statement and one snapshot; what is asked for and not there is not in the answer.

    A track is there for those who may not see it as well: the record says so.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    known = [(track_id, viewer) for track_id, viewer in asked if track_id <= LARGEST_ID]
    if not known:
        return {}
    parameters = {"track_ids": [track_id for track_id, _ in known], "viewers": [viewer for _, viewer in known]}
    rows = {row.id: row for row in await database.all("read_tracks", parameters)}
    return {
        (track_id, viewer): _read_row(rows[track_id], visible=viewer in rows[track_id].seen_by)
        for track_id, viewer in known
        if track_id in rows
    }


async def read_track(database: Database, track_id: int, viewer: str | None = None) -> TrackRecord | None:
    """Look one track up, as `read_tracks`.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    return (await read_tracks(database, [(track_id, viewer)])).get((track_id, viewer))


def _read_row(row: Any, *, visible: bool) -> TrackRecord:  # noqa: ANN401 - a row of `read_tracks`
    fields = row._asdict()
    del fields["seen_by"]
    return TrackRecord(**fields | {"tasks": [TaskProgress(**task) for task in row.tasks], "visible": visible})
