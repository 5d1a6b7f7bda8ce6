"""Downloading a checkpoint from the hub, at the commit that its card names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from httpx2 import HTTPError
from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import WeakFileLock, build_hf_headers  # type: ignore[attr-defined]  # from its submodules

from models.files.installation import InstallationError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from models.card import HubFile, HubSource

DownloadProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Told a file's path, the bytes of it that are there, and its size where that is known."""

_PARTIAL = ".partial"
_SHA256_DIGITS = 64
_GIT_DIGITS = 40
_CHUNK = 1 << 20


def download_checkpoint(
    source: HubSource, target: Path, progress: DownloadProgress, *, endpoint: str | None = None
) -> None:
    """Download what a model needs of a checkpoint; what is there already, or half there, is not downloaded again.

    Every file is compared with the digest that the card or the hub gives at this commit, and bears its name only when
    it is whole and right. The target may be continued when this raises.

    Args:
        source: The repository, its commit and the files.
        target: Folder to download into.
        progress: Called while bytes arrive.
        endpoint: The hub's address; None takes the client's own, which the environment variable HF_ENDPOINT names.

    Raises:
        InstallationError: The hub cannot be reached, lacks a file, or sends other content than it should.
        OSError: The disk is full or may not be written to.
    """
    target.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(target / ".lock"):
        for file in source.files:
            url = hf_hub_url(source.repo, file.path, revision=source.revision, endpoint=endpoint)
            _download(url, source, file, target / file.path, progress)


def _download(url: str, source: HubSource, file: HubFile, path: Path, progress: DownloadProgress) -> None:
    where = f"{source.repo}/{file.path} at {source.revision[:12]}"
    if file.sha256 is not None and _is_right(path, file.sha256, file.size):
        progress(file.path, path.stat().st_size, path.stat().st_size)
        return
    try:
        metadata = get_hf_file_metadata(url, retry_on_errors=False)
        if metadata.commit_hash != source.revision:
            raise InstallationError(f"the hub has {metadata.commit_hash} in place of {where}")
        digest = file.sha256 or metadata.etag or ""
        if len(digest) not in {_SHA256_DIGITS, _GIT_DIGITS}:
            raise InstallationError(f"the hub gives no digest of {where}: it cannot be told from a damaged one")
        size = metadata.size if file.size is None else file.size
        if not _is_right(path, digest, size):
            _fetch(url, path, size, partial(progress, file.path))
            _keep_if_right(path, where, digest, size)
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in {401, 403, 404}:
            raise InstallationError(f"the hub has no {where} (it answers {status})") from error
        raise InstallationError(_broken_off(where, error)) from error
    except (HTTPError, ConnectionError) as error:
        raise InstallationError(_broken_off(where, error)) from error
    progress(file.path, path.stat().st_size, path.stat().st_size)


def _fetch(url: str, path: Path, size: int | None, progress: Callable[[int, int | None], None]) -> None:
    """Fetch what is missing of a file into its partial one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = _partial(path)
    there = waiting.stat().st_size if waiting.exists() else 0
    if size is not None and there > size:
        waiting.unlink()
        there = 0
    progress(there, size)
    with waiting.open("ab") as content:
        try:
            http_get(
                url,
                content,
                resume_size=there,
                headers=build_hf_headers(),
                expected_size=size,
                # it only has to look like a bar
                tqdm_class=cast("Any", partial(_ByteCount, progress, size)),
            )
        except OSError as error:
            # of another length than announced, which the digest will tell; what the system says has a number
            if error.errno is not None or isinstance(error, HTTPError | ConnectionError):
                raise


class _ByteCount:
    """What the hub's client takes for a progress bar."""

    def __init__(
        self,
        progress: Callable[[int, int | None], None],
        size: int | None,
        *,
        initial: int = 0,
        **_: Any,  # noqa: ANN401 - how a bar would look
    ) -> None:
        self._progress = progress
        self._size = size
        self._done = initial

    def update(self, count: int) -> None:
        """Bytes have arrived or, if there are fewer than none, were thrown away."""
        self._done += count
        self._progress(self._done, self._size)

    def __enter__(self) -> _ByteCount:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def _keep_if_right(path: Path, where: str, digest: str, size: int | None) -> None:
    waiting = _partial(path)
    if not _is_right(waiting, digest, size):
        waiting.unlink()
        raise InstallationError(f"{where} arrived damaged and was removed: run it again")
    waiting.replace(path)


def _partial(path: Path) -> Path:
    return path.with_name(path.name + _PARTIAL)


def _is_right(path: Path, digest: str, size: int | None) -> bool:
    """Whether a file is there, and has the size and the digest: SHA-256, or for small files git's own of a blob."""
    if not path.is_file() or (size is not None and path.stat().st_size != size):
        return False
    if len(digest) == _SHA256_DIGITS:
        found = hashlib.sha256()
    else:
        found = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest() == digest


def _broken_off(where: str, error: BaseException) -> str:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return f"{where} cannot be downloaded: {reason}. Run it again to go on"
