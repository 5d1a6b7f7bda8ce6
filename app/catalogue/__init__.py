"""What artists do to their tracks: upload, change, replace and delete."""

from app.catalogue.audio_intake import AudioIntake, ReceivedAudio, StoreFullError
from app.catalogue.names import UnusableNameError, clean_tags, clean_title
from app.catalogue.track_record import Asked, TaskProgress, TrackRecord, read_track, read_tracks
from app.catalogue.tracks import (
    AudioGoneError,
    NewTrack,
    TrackChanges,
    UnknownArtistError,
    change_track,
    create_track,
    delete_track,
    replace_audio,
)

__all__ = [
    "Asked",
    "AudioGoneError",
    "AudioIntake",
    "NewTrack",
    "ReceivedAudio",
    "StoreFullError",
    "TaskProgress",
    "TrackChanges",
    "TrackRecord",
    "UnknownArtistError",
    "UnusableNameError",
    "change_track",
    "clean_tags",
    "clean_title",
    "create_track",
    "delete_track",
    "read_track",
    "read_tracks",
    "replace_audio",
]
