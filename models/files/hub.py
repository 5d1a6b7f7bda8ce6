"""Downloading a checkpoint from the hub, at the commit that its card names.

`huggingface_hub` turns a path into an address and a digest. Its HTTP client sends the requests, so that HF_ENDPOINT,
HF_HUB_OFFLINE, HF_TOKEN, HF_HUB_DOWNLOAD_TIMEOUT and the proxies of the environment count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from httpx2 import HTTPError
from huggingface_hub import constants, get_hf_file_metadata, get_session, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import WeakFileLock, build_hf_headers  # type: ignore[attr-defined]  # from its submodules

from models.files.download import Downloader, DownloadProgress, RemoteFile, explain_failure, is_right
from models.files.installation import InstallationError

if TYPE_CHECKING:
    from pathlib import Path

    from models.card import HubFile, HubSource

_SHA256_DIGITS = 64
_GIT_DIGITS = 40


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
        InstallationError: The hub cannot be reached, lacks a file, or sends other content than it should; or the disk
            is full.
        OSError: The disk may not be written to.
    """
    target.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(target / ".lock"):
        for file in source.files:
            path = target / file.path
            if file.sha256 is None or not is_right(path, file.sha256, file.size):
                _download(source, file, path, progress, endpoint)
            progress(file.path, path.stat().st_size, path.stat().st_size)


def _download(source: HubSource, file: HubFile, path: Path, progress: DownloadProgress, endpoint: str | None) -> None:
    remote = _find(source, file, endpoint)
    if not is_right(path, remote.digest, remote.size):
        downloader = Downloader(
            get_session(),
            progress,
            headers=build_hf_headers(),
            timeout_seconds=constants.HF_HUB_DOWNLOAD_TIMEOUT,
        )
        downloader.download(remote, path)


def _find(source: HubSource, file: HubFile, endpoint: str | None) -> RemoteFile:
    """What the hub says of a file at its commit.

    Raises:
        InstallationError: It cannot be reached, lacks the file, has another commit, or gives no digest.
    """
    label = f"{source.repo}/{file.path} at {source.revision[:12]}"
    url = hf_hub_url(source.repo, file.path, revision=source.revision, endpoint=endpoint)
    try:
        found = get_hf_file_metadata(url, retry_on_errors=False)
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in {401, 403, 404}:
            raise InstallationError(f"the hub has no {label} (it answers {status})") from error
        raise explain_failure(label, error) from error
    except (HTTPError, ConnectionError) as error:
        raise explain_failure(label, error) from error
    if found.commit_hash != source.revision:
        raise InstallationError(f"the hub has {found.commit_hash} in place of {label}")
    digest = file.sha256 or found.etag or ""
    if len(digest) not in {_SHA256_DIGITS, _GIT_DIGITS}:
        raise InstallationError(f"the hub gives no digest of {label}: it cannot be told from a damaged one")
    return RemoteFile(
        url=url,
        path=file.path,
        label=label,
        digest=digest,
        size=found.size if file.size is None else file.size,
        described_by="the hub" if file.sha256 is None else "the manifest",
        version=digest,
    )
