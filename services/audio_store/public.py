"""A bucket that is read at its public address, without keys."""

from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from services.audio_store.address import PublicAddress, object_key
from services.audio_store.content import StoredAudio
from services.audio_store.errors import ReadOnlyStoreError
from services.audio_store.ranges import RangeClient, SettingNames
from services.audio_store.staged import StagedAudio

_SETTINGS = SettingNames(*["R2_PUBLIC_BUCKET_URL"] * 3)


class PublicAudioStore:
    """Reads ``<base>/audio/<id>.<type>``, or what the catalogue says if it is below the same base.

    Args:
        public: The base.
        timeout_seconds: How long one request may take.
        attempts: How often the same is asked for at most.
    """

    writable = False

    def __init__(self, public: PublicAddress, *, timeout_seconds: float = 60.0, attempts: int = 4) -> None:
        self._public = public
        self._objects = RangeClient(
            lambda _method, key: public.of_key(key), _SETTINGS, timeout_seconds=timeout_seconds, attempts=attempts
        )

    def close(self) -> None:
        """Close idle connections."""
        self._objects.close()

    def stage(self, source: BinaryIO, file_type: str) -> StagedAudio:  # noqa: ARG002 - refused whatever it is
        """Nothing.

        Raises:
            ReadOnlyStoreError: Always.
        """
        raise ReadOnlyStoreError

    def put(self, source: BinaryIO, file_type: str) -> StoredAudio:  # noqa: ARG002 - refused whatever it is
        """Nothing.

        Raises:
            ReadOnlyStoreError: Always.
        """
        raise ReadOnlyStoreError

    def locate(self, file_id: str, file_type: str, *, address: str | None = None) -> StoredAudio:
        """Find a stored file.

        Raises:
            AudioMissingError: It is not there.
            AudioStoreError: The server refuses or does not answer.
        """
        key = object_key(self._public, file_id, file_type, address)
        found = self._objects.measure(key)
        return StoredAudio(file_id, file_type, found.size, found.modified, url=self._public.of_key(key))

    def open(self, file_id: str, file_type: str, *, address: str | None = None) -> BinaryIO:
        """Open a stored file for reading; only what is read is fetched.

        Raises:
            AudioMissingError: It is not there.
            AudioStoreError: The server refuses or does not answer.
        """
        return self._objects.open(object_key(self._public, file_id, file_type, address))

    def remove(self, file_id: str, file_type: str) -> bool:  # noqa: ARG002 - as above
        """Nothing.

        Raises:
            ReadOnlyStoreError: Always.
        """
        raise ReadOnlyStoreError

    def files(self) -> Iterator[StoredAudio]:
        """Nothing.

        Raises:
            ReadOnlyStoreError: Always.
        """
        raise ReadOnlyStoreError

    def remove_unfinished(self, before: datetime) -> int:  # noqa: ARG002 - nothing is uploaded here
        """None."""
        return 0
