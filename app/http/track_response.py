"""A track as the API shows it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.catalogue import TrackRecord
from app.catalogue.track_record import TaskStatus

Visibility = Literal["public", "unlisted", "supporters", "private"]


class TaskResponse(BaseModel):
    """One task on a track's present audio."""

    task: str = Field(description="embed_track or classify_genres.")
    model: str = Field(description="Identity of the model that embeds; empty for other tasks.")
    state: TaskStatus = Field(
        description="done, running, queued, waiting for its audio, failed, or missing where no job will do it."
    )
    reason: str | None = Field(description="Why the last attempt failed; only its artist sees reasons that may pass.")
    permanent: bool = Field(description="Whether another attempt would fail in the same way.")
    attempts: int = Field(description="Attempts that failed.")


class ProcessingResponse(BaseModel):
    """How far the work on a track's present audio is."""

    state: TaskStatus = Field(description="The tasks in one word: failed, running, queued, waiting, done or missing.")
    tasks: list[TaskResponse]


class TrackResponse(BaseModel):
    """A track."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 123,
                    "title": "Ambient Waves",
                    "artist_did": "did:plc:artist",
                    "artist_handle": "artist.example",
                    "artist_display_name": "Artist Name",
                    "album_title": None,
                    "image_url": None,
                    "file_id": "a1b2c3d4e5f67890",
                    "file_type": "flac",
                    "visibility": "public",
                    "play_count": 0,
                    "created_at": "2026-01-01T12:00:00Z",
                    "tags": ["ambient"],
                    "processing": {"state": "queued", "tasks": []},
                }
            ]
        }
    )

    id: int
    title: str
    artist_did: str
    artist_handle: str
    artist_display_name: str
    album_title: str | None
    image_url: str | None
    file_id: str = Field(description="sha-256 of the audio. Play it at /audio/{file_id}.")
    file_type: str = Field(description="What the audio is by its content: mp3, flac, ...")
    visibility: str = Field(
        description="Who may find it; a track with another value of an adopted catalogue is not found."
    )
    play_count: int
    created_at: datetime | None = Field(description="Null where an adopted catalogue does not say.")
    tags: list[str]
    processing: ProcessingResponse


def show_track(track: TrackRecord, *, to_its_artist: bool) -> TrackResponse:
    """A track for whoever asked.

    Args:
        track: The track.
        to_its_artist: Whether he is who asked: words about a server's own trouble are not for everybody.
    """
    fields: dict[str, Any] = vars(track) | {
        "processing": {
            "state": track.state,
            "tasks": [
                vars(task) | {"reason": task.reason if to_its_artist or task.permanent else None}
                for task in track.tasks
            ],
        }
    }
    return TrackResponse.model_validate(fields)
