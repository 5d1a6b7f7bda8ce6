"""Downloading one file, so that it can be continued, and is only kept when it is right.

The hub and web addresses share this. `huggingface_hub` has a download of its own, and is asked for what it alone knows:
addresses, digests, tokens and the HTTP client. Its download continues a partial file without asking whether the file is
still the same, takes its progress from a progress bar, and reports what goes wrong in other words.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from models.files.installation import InstallationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DownloadProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Told a file's path, the bytes of it that are there, and its size where that is known."""

ATTEMPTS = 5
"""Requests in a row that may bring nothing new before a download is given up."""

PAUSE_SECONDS = 0.5
"""Pause after the first such request; it doubles with each."""

_LONGEST_PAUSE_SECONDS = 300.0
_PIECE_BYTES = 1 << 20
_SHA256_DIGITS = 64
_GONE = {401, 403, 404, 410}
_RETRIED = {408, 425, 429, 500, 502, 503, 504}
_NO_SUCH_RANGE = 416
_LIMIT_ENDS = re.compile(r"\br\s*=\s*0\s*;\s*t\s*=\s*(\d+)")
"""Of the header RateLimit: nothing is left, for so many seconds."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file to download, and what it has to be.

    Attributes:
        url: Where it is.
        path: What progress is reported under.
        label: What errors call it.
        digest: Hexadecimal: SHA-256 or, for a small file of the hub, git's SHA-1 of a blob. None where it is not known.
        size: Length in bytes, or None likewise.
        described_by: Who says so, for errors.
        version: What its source calls this content wherever it is sent from. None where only the server's own ETag
            or Last-Modified tells whether a partial file can be continued.
    """

    url: str
    path: str
    label: str
    digest: str | None = None
    size: int | None = None
    described_by: str = "the manifest"
    version: str | None = None


class Downloader:
    """Downloads files into their places.

    Args:
        client: Sends the requests.
        progress: Called while bytes arrive.
        headers: Sent with each request; not to another host that a server redirects to, where they authorise.
        timeout_seconds: How long a server may be silent.
    """

    def __init__(
        self,
        client: httpx2.Client,
        progress: DownloadProgress,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 30.0,
    ) -> None:
        self.client = client
        self.progress = progress
        # another coding would have another length, and no part could be asked for
        self.headers = {**(headers or {}), "accept-encoding": "identity"}
        self.timeout_seconds = timeout_seconds

    def download(self, file: RemoteFile, path: Path) -> None:
        """Download a file, or what is missing of it.

        It bears its name only when it is whole and, where its size and digest are known, right. A request that fails
        is repeated, and given up after ``ATTEMPTS`` in a row that brought nothing new. The partial file stays beside
        the place when this raises. The next call continues it, unless the file has changed at its source.

        Args:
            file: What to download.
            path: Its place; what lies there is replaced.

        Raises:
            InstallationError: The server cannot be reached, lacks the file, or sends another; or the disk is full.
            OSError: The disk may not be written to.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _Download(self, file, path).run()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise InstallationError(
                f"the disk is full: {path.parent} has no room for {file.label}. "
                "Make room, or set MODELS_DIR to another disk, and run it again to go on"
            ) from error


def is_right(path: Path, digest: str | None, size: int | None) -> bool:
    """Whether a file is there, and has the size and the digest as far as they are known.

    Args:
        path: The file.
        digest: Hexadecimal: SHA-256, or git's SHA-1 of a blob.
        size: Length in bytes.

    Raises:
        OSError: It cannot be read.
    """
    if not path.is_file() or (size is not None and path.stat().st_size != size):
        return False
    if digest is None:
        return True
    if len(digest) == _SHA256_DIGITS:
        found = hashlib.sha256()
    else:
        found = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as content:
        while piece := content.read(_PIECE_BYTES):
            found.update(piece)
    return found.hexdigest() == digest


def explain_failure(label: str, error: Exception) -> InstallationError:
    """What is raised when a server cannot be reached or breaks off."""
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return InstallationError(f"{label} cannot be downloaded: {reason}. Run it again to go on")


class _TryAgainError(Exception):
    """An answer without the file, after which another request may succeed.

    Args:
        reason: What happened.
        after: Seconds that the server asks to be left alone for.
    """

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


class _Download:
    """One file's way from its address into its place."""

    def __init__(self, downloader: Downloader, file: RemoteFile, path: Path) -> None:
        self._with = downloader
        self._file = file
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial")
        # which version the partial file is of, in its source's or the server's words
        self._validator = path.with_name(f"{path.name}.validator")
        self._most = 0
        self._fruitless = 0

    def run(self) -> None:
        retrying = Retrying(
            retry=retry_if_exception_type((httpx2.TransportError, _TryAgainError)),
            stop=lambda _: self._fruitless >= ATTEMPTS,
            wait=self._pause,
            before_sleep=self._tell,
            reraise=True,
        )
        try:
            retrying(self._fetch)
        except (httpx2.HTTPError, _TryAgainError, ConnectionError) as error:
            raise explain_failure(self._file.label, error) from error
        if not is_right(self._partial, self._file.digest, self._file.size):
            self._forget()
            raise InstallationError(
                f"{self._file.label} arrived damaged and was removed: run it again. If that does not help, "
                f"its source has another file than {self._file.described_by} describes"
            )
        self._partial.replace(self._path)
        self._validator.unlink(missing_ok=True)

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.after if isinstance(error, _TryAgainError) else 0.0
        own = PAUSE_SECONDS * 2 ** (self._fruitless - 1) if self._fruitless else 0.0
        return min(max(own, asked), _LONGEST_PAUSE_SECONDS)

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        pause = state.next_action.sleep if state.next_action is not None else 0.0
        _log.info("%s: %s; trying again in %.1f s", self._file.label, error, pause)

    def _fetch(self) -> None:
        """Fetch what is missing of the file into its partial one."""
        self._fruitless += 1
        there = self._there()
        if there and there == self._file.size:
            return
        with self._with.client.stream(
            "GET",
            self._file.url,
            headers={**self._with.headers, **self._part_from(there)},
            timeout=self._with.timeout_seconds,
            follow_redirects=True,
        ) as answer:
            self._require_content(answer)
            continued = answer.status_code == httpx2.codes.PARTIAL_CONTENT
            part = answer.headers.get("content-range", "")
            if continued and (not part.startswith(f"bytes {there}-") or _is_coded(answer)):
                self._forget()
                raise _TryAgainError("it sends another part than the one that was asked for")
            there = there if continued else 0
            size = self._announced_size(answer, there)
            if not continued:
                self._forget()
                self._keep_validator(answer)
            self._write(answer, there, size)

    def _write(self, answer: httpx2.Response, there: int, size: int | None) -> None:
        self._most = max(self._most, there)
        with self._partial.open("ab") as content:
            self._with.progress(self._file.path, there, size)
            for chunk in answer.iter_bytes():
                content.write(chunk)
                there += len(chunk)
                if there > self._most:
                    self._most, self._fruitless = there, 0
                self._with.progress(self._file.path, there, size)

    def _part_from(self, there: int) -> dict[str, str]:
        if not there:
            return {}
        part = {"range": f"bytes={there}-"}
        # the hub sends large files from other hosts, whose ETags are their own
        return part if self._file.version is not None else part | {"if-range": self._known_validator()}

    def _require_content(self, answer: httpx2.Response) -> None:
        status = answer.status_code
        if status in _GONE:
            raise InstallationError(f"{self._file.label} does not exist (it answers {status})")
        if status == _NO_SUCH_RANGE:
            self._forget()
            raise _TryAgainError("it has become shorter")
        if status in _RETRIED:
            raise _TryAgainError(f"it answers {status}", _asked_pause(answer))
        if status not in {httpx2.codes.OK, httpx2.codes.PARTIAL_CONTENT}:
            raise InstallationError(
                f"{self._file.label} cannot be downloaded: it answers {status}. Run it again to go on"
            )

    def _announced_size(self, answer: httpx2.Response, there: int) -> int | None:
        """Length of the whole file, by its source or by the server.

        Raises:
            InstallationError: The two differ, or neither they nor a digest would tell the file from a part of it.
        """
        length = answer.headers.get("content-length")
        if length is None or _is_coded(answer):
            if self._file.size is None and self._file.digest is None:
                raise InstallationError(
                    f"{self._file.label} does not say how long it is: it cannot be told from a part of it"
                )
            return self._file.size
        size = there + int(length)
        if self._file.size not in {None, size}:
            self._forget()
            raise InstallationError(f"{self._file.label} has {size:,} bytes instead of {self._file.size:,}")
        return size

    def _there(self) -> int:
        """Bytes of the partial file that a download may go on from."""
        if not self._partial.exists():
            return 0
        there, validator = self._partial.stat().st_size, self._known_validator()
        # with a version, what nothing is known of is continued too: the digest tells whether the halves belong together
        known = bool(validator) if self._file.version is None else validator in {"", self._file.version}
        if not known or there > (self._file.size or float("inf")):
            self._forget()
            return 0
        return there

    def _known_validator(self) -> str:
        return self._validator.read_text(encoding="utf-8") if self._validator.exists() else ""

    def _keep_validator(self, answer: httpx2.Response) -> None:
        """Keep what this version is called, so that nothing is joined to a part of another."""
        tag = str(answer.headers.get("etag", ""))
        strong = tag if not tag.startswith("W/") else ""
        named = self._file.version or strong or str(answer.headers.get("last-modified", ""))
        self._validator.write_text(named, encoding="utf-8")

    def _forget(self) -> None:
        self._partial.unlink(missing_ok=True)
        self._validator.unlink(missing_ok=True)


def _is_coded(answer: httpx2.Response) -> bool:
    """Whether a server compresses what it was asked to send as it is: its lengths are not the file's then."""
    return str(answer.headers.get("content-encoding", "identity")) != "identity"


def _asked_pause(answer: httpx2.Response) -> float:
    """Seconds that a server asks to be left alone for, where it gives seconds."""
    after = answer.headers.get("retry-after", "").strip()
    if after.isdigit():
        return float(after)
    ends = _LIMIT_ENDS.search(answer.headers.get("ratelimit", ""))
    return float(ends[1]) if ends else 0.0
