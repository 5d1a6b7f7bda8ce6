"""Reading files over HTTP in ranges: what is not read is not fetched."""

import io
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeVar

import httpx2
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from services.attempts import RETRIED
from services.audio_store.errors import AudioMissingError, AudioStoreError, StoreRefusedError, StoreUnavailableError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_Answer = TypeVar("_Answer")

READ_AHEAD_BYTES = 512 * 1024
"""The least that is fetched of a file that is read; decoders read in pieces of 32 kB."""

_LARGEST_RANGE_BYTES = 8 * 1024 * 1024
_CONNECT_SECONDS = 5.0
_LONGEST_ERROR_BYTES = 8192
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_TOTAL = re.compile(r"bytes (\d+)-(\d+)/\d+")

Method = Literal["GET", "HEAD"]


@dataclass(frozen=True)
class SettingNames:
    """Which settings to look at when a server refuses.

    Attributes:
        credentials: Who asks.
        bucket: What is asked for.
        server: Who is asked.
    """

    credentials: str
    bucket: str
    server: str


def explain_refusal(settings: SettingNames, host: str, status: int, code: str | None) -> AudioStoreError:
    """The error for an answer other than success and "not found".

    Args:
        settings: Named in the message.
        host: Who answered.
        status: Of HTTP.
        code: S3's own word for it, such as InvalidAccessKeyId.
    """
    said = f"{host} answers {status}" + (f" {code}" if code else "")
    if status in RETRIED:
        return StoreUnavailableError(said)
    if code == "NoSuchBucket":
        return StoreRefusedError(f"{settings.bucket}: there is no such bucket ({said})")
    if status in {401, 403}:
        return StoreRefusedError(f"{settings.credentials}: not allowed ({said})")
    if 300 <= status < 400:
        return StoreRefusedError(f"{settings.server}: the server points elsewhere, where nobody follows ({said})")
    return StoreRefusedError(f"{settings.server}: not understood ({said})")


@dataclass(frozen=True)
class RemoteFile:
    """What a server says of a file.

    Attributes:
        size: Bytes.
        modified: When it was last written; the beginning of 1970 where the server does not say.
    """

    size: int
    modified: datetime


class RangeClient:
    """Reads the objects of one server. Safe to use from several threads; follows no redirects.

    Args:
        address_of: Where an object is asked for, by method and key.
        settings: What a refusal names.
        timeout_seconds: How long one attempt may take.
        attempts: How often something is asked for at most.
    """

    def __init__(
        self,
        address_of: Callable[[Method, str], str],
        settings: SettingNames,
        *,
        timeout_seconds: float,
        attempts: int,
    ) -> None:
        self._address_of = address_of
        self._settings = settings
        self._timeout_seconds = timeout_seconds
        self._attempts = attempts
        self._client = httpx2.Client(
            follow_redirects=False,
            headers={"accept-encoding": "identity"},
            timeout=httpx2.Timeout(timeout_seconds, connect=min(timeout_seconds, _CONNECT_SECONDS)),
        )

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def measure(self, key: str) -> RemoteFile:
        """Ask how large an object is.

        Raises:
            AudioMissingError: It is not there.
            AudioStoreError: The server refuses or does not answer.
        """
        try:
            return self._retrying(partial(self._head, key))
        except AudioMissingError:
            # an answer to HEAD has no body that could say whether it is the bucket that is missing
            self.read(key, 0, 1)
            raise

    def read(self, key: str, start: int, end: int) -> bytes:
        """The bytes of an object from ``start`` to before ``end``, which must lie within it.

        Raises:
            AudioMissingError: It is not there.
            AudioStoreError: The server refuses or does not answer.
        """
        return self._retrying(partial(self._get, key, start, end))

    def open(self, key: str) -> BinaryIO:
        """An object as a seekable file."""
        return io.BufferedReader(_RangeFile(partial(self.read, key), self.measure(key).size), READ_AHEAD_BYTES)

    def _head(self, key: str) -> RemoteFile:
        answer = self._client.head(self._address_of("HEAD", key))
        if answer.status_code != httpx2.codes.OK:
            raise self._explain(key, answer)
        if "content-length" not in answer.headers:
            raise StoreRefusedError(f"{self._settings.server}: {answer.url.host} does not say how large {key} is")
        return RemoteFile(int(answer.headers["content-length"]), _instant(answer.headers.get("last-modified")))

    def _get(self, key: str, start: int, end: int) -> bytes:
        deadline = time.monotonic() + self._timeout_seconds
        wanted = {"range": f"bytes={start}-{end - 1}"}
        with self._client.stream("GET", self._address_of("GET", key), headers=wanted) as answer:
            if answer.status_code == httpx2.codes.OK:
                raise StoreRefusedError(f"{self._settings.server}: {answer.url.host} does not answer range requests")
            if answer.status_code != httpx2.codes.PARTIAL_CONTENT:
                raise self._explain(key, answer)
            content = _collect(answer, end - start, deadline)
            got = _TOTAL.fullmatch(answer.headers.get("content-range", ""))
            if got is None or int(got[1]) != start or len(content) != end - start:
                raise StoreUnavailableError(f"{answer.url.host} answers with another range than {start} to {end}")
            return content

    def _explain(self, key: str, answer: httpx2.Response) -> Exception:
        code = _CODE.search(_beginning(answer))
        if answer.status_code == httpx2.codes.NOT_FOUND and (code is None or code[1] != "NoSuchBucket"):
            return AudioMissingError(f"{key} is not in the store")
        return explain_refusal(self._settings, answer.url.host, answer.status_code, code[1] if code else None)

    def _retrying(self, ask: Callable[[], _Answer]) -> _Answer:
        retrying = Retrying(
            retry=retry_if_exception_type(StoreUnavailableError),
            wait=wait_exponential_jitter(multiplier=0.1, max=2.0, jitter=0.1),
            stop=stop_after_attempt(self._attempts),
            reraise=True,
        )

        def attempt() -> _Answer:
            try:
                return ask()
            except httpx2.TransportError as error:
                reason = str(error) or type(error).__name__
                raise StoreUnavailableError(f"the server cannot be reached: {reason}") from error

        return retrying(attempt)


class _RangeFile(io.RawIOBase):
    """A file of which each read is a request; a buffer belongs around it."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"a file has no position {start + offset}")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "Buffer") -> int:
        target = memoryview(buffer).cast("B")
        end = min(self._size, self._position + min(len(target), _LARGEST_RANGE_BYTES))
        if end <= self._position:
            return 0
        content = self._fetch(self._position, end)
        target[: len(content)] = content
        self._position = end
        return len(content)

    def readall(self) -> bytes:
        pieces = []
        # the inherited one asks for 8 kB at a time
        while self._position < self._size:
            end = min(self._size, self._position + _LARGEST_RANGE_BYTES)
            pieces.append(self._fetch(self._position, end))
            self._position = end
        return b"".join(pieces)


def _collect(answer: httpx2.Response, most: int, deadline: float) -> bytes:
    """The body, but never much more than was asked for, nor for longer than there is time."""
    content = bytearray()
    for chunk in answer.iter_raw():
        content += chunk
        if len(content) > most:
            break
        if time.monotonic() > deadline:
            raise StoreUnavailableError(f"{answer.url.host} is too slow")
    return bytes(content)


def _beginning(answer: httpx2.Response) -> str:
    content = bytearray()
    for chunk in answer.iter_raw() if not answer.is_stream_consumed else ():
        content += chunk
        if len(content) >= _LONGEST_ERROR_BYTES:
            break
    return content[:_LONGEST_ERROR_BYTES].decode("utf-8", "replace")


def _instant(last_modified: str | None) -> datetime:
    try:
        return parsedate_to_datetime(last_modified or "").astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
