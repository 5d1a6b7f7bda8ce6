"""A track as it is, and how far the work on it has come."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.database import Database

TaskStatus = Literal["done", "running", "queued", "failed", "missing"]
"""How far a task on a track's present audio is; `missing` where no job will do it."""

_WORST_FIRST: tuple[TaskStatus, ...] = ("failed", "running", "queued", "done", "missing")


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

    @property
    def state(self) -> TaskStatus:
        """The tasks in one word: the first of failed, running, queued, done and missing that any of them is."""
        states = {task.state for task in self.tasks}
        return next((state for state in _WORST_FIRST if state in states), "missing")


_SEEN_BY_ALL = frozenset({"public", "supporters", "unlisted"})


def is_visible(visibility: str, artist_did: str, viewer: str | None) -> bool:
    """Whether one who has a track's number may see it; what an adopted catalogue calls otherwise is for its artist."""
    return visibility in _SEEN_BY_ALL or artist_did == viewer


async def read_track(database: Database, track_id: int) -> TrackRecord | None:
    """Look a track up, whoever may see it.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    if track_id > LARGEST_ID:
        return None
    key = {"track_id": track_id}
    row = await database.one_or_none("read_track", key)
    if row is None:
        return None
    tasks = await database.all("track_tasks", key)
    return TrackRecord(**row._asdict(), tasks=[TaskProgress(**task._asdict()) for task in tasks])
