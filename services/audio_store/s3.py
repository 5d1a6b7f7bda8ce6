"""An audio store in a bucket of S3's protocol, such as Cloudflare R2."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from services.audio_store.address import FOLDER, PublicAddress, object_key
from services.audio_store.content import (
    CACHED,
    StoredAudio,
    file_name,
    hash_content,
    media_type,
    require_file_type,
    split_name,
)
from services.audio_store.errors import AudioMissingError, StoreUnavailableError
from services.audio_store.ranges import Method, RangeClient, SettingNames, explain_refusal
from services.audio_store.staged import StagedAudio

if TYPE_CHECKING:
    from obstore.store import S3Credential

_SETTINGS = SettingNames("R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY", "R2_BUCKET", "R2_ENDPOINT_URL, R2_REGION")

_PART_BYTES = 5 * 1024 * 1024
_PARTS_AT_ONCE = 4
"""An upload holds so many parts in memory."""

_SIGNED_FOR = timedelta(minutes=15)
"""Each request is signed anew; so much may the clocks of the two machines differ."""

_STATUS = re.compile(r"status code: (\d{3}).*?(?:<Code>(\w{1,64})</Code>|\n\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Bucket:
    """A bucket, and who may use it.

    Attributes:
        endpoint: Address of the server, without the bucket.
        name: Of the bucket.
        region: ``auto`` for R2.
        access_key_id: Who asks.
        secret_access_key: The proof.
        public: Where everybody can read its objects, if anywhere.
    """

    endpoint: str
    name: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    public: PublicAddress | None = None


class S3AudioStore:
    """Keeps audio as ``audio/<id>.<type>``.

    Args:
        bucket: Where.
        timeout_seconds: How long one request may take.
        attempts: How often the same is asked for at most.
    """

    writable = True

    def __init__(self, bucket: Bucket, *, timeout_seconds: float = 60.0, attempts: int = 4) -> None:
        self._public = bucket.public
        self._host = urlsplit(bucket.endpoint).hostname or ""
        self._store = _connect(bucket, timeout_seconds, attempts)
        # obstore follows redirects, to any host; so it only signs what is read
        self._objects = RangeClient(self._sign, _SETTINGS, timeout_seconds=timeout_seconds, attempts=attempts)

    def close(self) -> None:
        """Close idle connections."""
        self._objects.close()

    def stage(self, source: BinaryIO, file_type: str) -> StagedAudio:
        """Hash a file where it lies; it is sent to the server from there when it is kept, in parts if it is large.

        Raises:
            ValueError: ``file_type`` cannot be the extension of a stored file.
        """
        require_file_type(file_type)
        start = source.tell()
        file_id = hash_content(source)
        return StagedAudio(file_id, partial(self._send, source, start, file_id, file_type))

    def put(self, source: BinaryIO, file_type: str) -> StoredAudio:
        """Keep a file; it appears in the bucket when it is whole.

        Raises:
            ValueError: ``file_type`` cannot be the extension of a stored file.
            AudioStoreError: The server refuses or does not answer.
        """
        with self.stage(source, file_type) as staged:
            return staged.keep()

    def locate(self, file_id: str, file_type: str, *, address: str | None = None) -> StoredAudio:
        """Find a stored file.

        Raises:
            AudioMissingError: It is not there.
            AudioStoreError: The server refuses or does not answer.
        """
        key = object_key(self._public, file_id, file_type, address)
        found = self._objects.measure(key)
        return StoredAudio(file_id, file_type, found.size, found.modified, url=self._url(key))

    def open(self, file_id: str, file_type: str, *, address: str | None = None) -> BinaryIO:
        """Open a stored file for reading; only what is read is fetched.

        Raises:
            AudioMissingError: It is not there.
            AudioStoreError: The server refuses or does not answer.
        """
        return self._objects.open(object_key(self._public, file_id, file_type, address))

    def remove(self, file_id: str, file_type: str) -> bool:
        """Remove a stored file; False when it is not there.

        Raises:
            AudioStoreError: The server refuses or does not answer.
        """
        try:
            self.locate(file_id, file_type)
        except AudioMissingError:
            return False
        with self._explaining():
            obstore.delete(self._store, FOLDER + file_name(file_id, file_type))
        return True

    def files(self) -> Iterator[StoredAudio]:
        """Everything that was put here, in no order; objects with other keys are left out.

        Raises:
            AudioStoreError: The server refuses or does not answer.
        """
        with self._explaining():
            for chunk in obstore.list(self._store, FOLDER):
                for found in chunk:
                    name = split_name(found["path"].removeprefix(FOLDER))
                    if name is not None:
                        stored_at = found["last_modified"].astimezone(UTC)
                        yield StoredAudio(*name, found["size"], stored_at, url=self._url(found["path"]))

    def remove_unfinished(self, before: datetime) -> int:  # noqa: ARG002 - the bucket's own affair
        """None: a bucket's life cycle ends uploads that were cut off, at R2 after seven days."""
        return 0

    def _send(self, source: BinaryIO, start: int, file_id: str, file_type: str) -> StoredAudio:
        source.seek(start)
        with self._explaining():
            obstore.put(
                self._store,
                FOLDER + file_name(file_id, file_type),
                source,
                attributes={"Content-Type": media_type(file_type), "Cache-Control": CACHED},
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
        return self.locate(file_id, file_type)

    def _url(self, key: str) -> str | None:
        return None if self._public is None else self._public.of_key(key)

    def _sign(self, method: Method, key: str) -> str:
        return obstore.sign(self._store, method, key, _SIGNED_FOR)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Put what the library raises into words that name a setting."""
        try:
            yield
        # a bucket that is not there is reported as a file that is not
        except (BaseError, FileNotFoundError) as error:
            found = _STATUS.search(str(error))
            if found is None:
                raise StoreUnavailableError(f"{self._host} cannot be reached: {_first_line(error)}") from error
            raise explain_refusal(_SETTINGS, self._host, int(found[1]), found[2]) from error


def _connect(bucket: Bucket, timeout_seconds: float, attempts: int) -> S3Store:
    def credential() -> "S3Credential":
        return {
            "access_key_id": bucket.access_key_id,
            "secret_access_key": bucket.secret_access_key,
            "token": None,
            "expires_at": None,
        }

    return S3Store(
        bucket.name,
        endpoint=bucket.endpoint,
        region=bucket.region,
        # what is said here and there, the AWS_ variables of the environment do not change
        aws_endpoint_url_s3=bucket.endpoint,
        credential_provider=credential,
        virtual_hosted_style_request=False,
        skip_signature=False,
        client_options={
            "allow_http": urlsplit(bucket.endpoint).scheme == "http",
            "connect_timeout": timedelta(seconds=min(timeout_seconds, 5.0)),
            "timeout": timedelta(seconds=timeout_seconds),
        },
        retry_config={
            "max_retries": attempts - 1,
            "retry_timeout": timedelta(seconds=timeout_seconds),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=2),
                "base": 2,
            },
        },
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
