"""Why a task failed on a track: the last attempt, as search.job_failures keeps it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class JobFailure:
    """The last failed attempt at a task.

    Attributes:
        task: `embed_track` or `classify_genres`.
        model: Identity of the model that embeds; empty or None for the other task.
        reason: Why, in words.
        permanent: Whether another attempt would fail in the same way: the audio cannot be decoded or is refused.
        attempts: How often it was tried.
        failed_at: When, the last time.
    """

    task: str
    model: str | None
    reason: str
    permanent: bool
    attempts: int
    failed_at: datetime


@dataclass(frozen=True)
class TrackFailure(JobFailure):
    """The last failed attempt at a task, with its track.

    Attributes:
        track_id: The track.
        title: What it is called.
    """

    track_id: int
    title: str
