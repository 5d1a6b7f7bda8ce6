"""Downloading a model's files from a web address, and installing them.

An address has no commits: what a file must be is its size and digest in the manifest or, where those are not known,
what the server says of its length, and the record that is written when it is installed.
"""

from __future__ import annotations

import ipaddress
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx2
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # from its submodules

from models.card import ModelFileError
from models.files.download import Downloader, DownloadProgress, RemoteFile, is_right
from models.files.installation import (
    RECORD,
    InstallationError,
    measure_file,
    prepared_folder,
    read_installation,
    write_installation,
)
from models.implementation import build_model
from models.runtime.run_options import RunOptions

if TYPE_CHECKING:
    from pathlib import Path

    from models.card import GenreCard, WebSource


def download_files(source: WebSource, target: Path, progress: DownloadProgress) -> None:
    """Download what is missing; what is half there is continued.

    A file bears its name only when it is whole and, where its size and digest are known, right. The target may be
    continued when this raises.

    Args:
        source: The address and the files.
        target: Folder to download into.
        progress: Called while bytes arrive.

    Raises:
        InstallationError: The address is not safe or cannot be reached, lacks a file, or sends other content than it
            should; or the disk is full.
        OSError: The disk may not be written to.
    """
    target.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(target / ".lock"), httpx2.Client(event_hooks={"request": [_require_safe]}) as client:
        downloader = Downloader(client, progress)
        for file in source.files:
            path = target / file.name
            if not is_right(path, file.sha256, file.size):
                url = urljoin(source.address, file.path)
                remote = RemoteFile(url=url, path=file.path, label=url, digest=file.sha256, size=file.size)
                downloader.download(remote, path)
            progress(file.path, path.stat().st_size, path.stat().st_size)


def _require_safe(request: httpx2.Request) -> None:
    """Refuse an address, also one that is redirected to, at which anybody on the way could change the content."""
    if request.url.scheme != "https" and not _is_loopback(request.url.host):
        raise InstallationError(f"{request.url} is not downloaded from: an address has to begin with https://")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def install_files(files: Path, target: Path, card: GenreCard) -> None:
    """Install a model from a folder with its files; it is opened once before it takes its place.

    Args:
        files: The folder. Where it is an installation itself, its record is compared too.
        target: Where the model is to lie.
        card: The model that it should be.

    Raises:
        InstallationError: A file is missing, differs from the card or the record, or is not of such a model.
        OSError: A file cannot be read or written.
    """
    recorded = {}
    if (files / RECORD).is_file():
        recorded = {file.path: file for file in read_installation(files).files}
    with prepared_folder(target) as folder:
        for file in card.web.files:
            if not (files / file.name).is_file():
                raise InstallationError(f"{files} lacks {file.name}")
            shutil.copyfile(files / file.name, folder / file.name)
            if not is_right(folder / file.name, file.sha256, file.size):
                raise InstallationError(f"{files / file.name} is not the file that the manifest describes")
            if recorded.get(file.name, found := measure_file(folder, file.name)) != found:
                raise InstallationError(f"{files / file.name} is damaged: copy the folder again")
        names = [file.name for file in card.web.files]
        installation = write_installation(folder, card.pipeline["checkpoint"], {}, names=names)
        try:
            build_model(replace(card, files=installation.files, folder=folder), RunOptions(device="cpu"))
        except ModelFileError as error:
            raise InstallationError(f"{error}; nothing was installed") from error
