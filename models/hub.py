"""Downloading a checkpoint from the hub, at the commit that its card names."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from huggingface_hub.utils.tqdm import disable_progress_bars

from models.installation import InstallationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.model_card import HubFile, HubSource

_SHA256_DIGITS = 64
_CHUNK = 1 << 20


def download_checkpoint(source: HubSource, target: Path, progress: Callable[[str, int, int | None], None]) -> None:
    """Download what a model needs of a checkpoint; what is there already, or half there, is not downloaded again.

    Every file is compared with the digest that the card or, for a large file, the hub gives at this commit; one that
    differs is removed. The target is complete when this returns, and may be continued when it raises.

    Args:
        source: The repository, its commit and the files.
        target: Folder to download into.
        progress: Told a file's name, the bytes of it that are there, and its size where that is known.

    Raises:
        InstallationError: The hub cannot be reached, lacks a file, or sends other content than it should.
        OSError: The disk is full or may not be written to.
    """
    target.mkdir(parents=True, exist_ok=True)
    disable_progress_bars()
    for file in source.files:
        _download(source, file, target, progress)


def _download(source: HubSource, file: HubFile, target: Path, progress: Callable[[str, int, int | None], None]) -> None:
    where = f"{source.repo}/{file.path} at {source.revision[:12]}"
    progress(file.path, 0, file.size)
    try:
        metadata = get_hf_file_metadata(hf_hub_url(source.repo, file.path, revision=source.revision))
        path = hf_hub_download(source.repo, file.path, revision=source.revision, local_dir=target)
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in {401, 403, 404}:
            raise InstallationError(f"the hub has no {where} (it answers {status})") from error
        raise InstallationError(f"{where} cannot be downloaded: {_first_line(error)}. Run it again to go on") from error
    except (LocalEntryNotFoundError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
            raise
        raise InstallationError(f"{where} cannot be downloaded: {_first_line(error)}. Run it again to go on") from error
    etag = (metadata.etag or "").strip('"')
    wanted = file.sha256 or (etag if len(etag) == _SHA256_DIGITS else None)
    _verify(target / file.path, where, wanted, file.size if file.size is not None else metadata.size)
    size = (target / file.path).stat().st_size
    progress(path.rpartition("/")[2], size, size)


def _verify(path: Path, where: str, sha256: str | None, size: int | None) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    found = path.stat().st_size
    if (size is not None and found != size) or (sha256 is not None and digest.hexdigest() != sha256):
        path.unlink()
        # what the client noted about the file would pass it for complete the next time
        shutil.rmtree(path.parent / ".cache", ignore_errors=True)
        raise InstallationError(f"{where} arrived damaged and was removed: run it again")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
