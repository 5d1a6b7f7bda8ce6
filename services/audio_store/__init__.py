"""Where the audio of tracks is kept."""

from services.audio_store.address import PublicAddress
from services.audio_store.content import CACHED, StoredAudio, media_type
from services.audio_store.errors import (
    AudioMissingError,
    AudioStoreError,
    ReadOnlyStoreError,
    StoreRefusedError,
    StoreUnavailableError,
)
from services.audio_store.local import LocalAudioStore
from services.audio_store.protocol import AudioStore
from services.audio_store.public import PublicAudioStore
from services.audio_store.recording import Recording
from services.audio_store.s3 import Bucket, S3AudioStore
from services.audio_store.staged import StagedAudio

__all__ = [
    "CACHED",
    "AudioMissingError",
    "AudioStore",
    "AudioStoreError",
    "Bucket",
    "LocalAudioStore",
    "PublicAddress",
    "PublicAudioStore",
    "ReadOnlyStoreError",
    "Recording",
    "S3AudioStore",
    "StagedAudio",
    "StoreRefusedError",
    "StoreUnavailableError",
    "StoredAudio",
    "media_type",
]
