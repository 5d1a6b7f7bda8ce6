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

    from models.card import GenreCard, WebFile, WebSource
    from models.files.hub import DownloadProgress

_PARTIAL = ".partial"
_VALIDATOR = ".validator"
_TIMEOUT_SECONDS = 30.0
_GONE = {401, 403, 404, 410}
_NO_SUCH_RANGE = 416


def download_files(source: WebSource, target: Path, progress: DownloadProgress) -> None:
    """Download what is missing; what is half there is continued.

    A file bears its name only when it is whole and, where its size and digest are known, right. A connection that
    breaks is taken up again as long as bytes come. The target may be continued when this raises.

    Args:
        source: The address and the files.
        target: Folder to download into.
        progress: Called while bytes arrive.

    Raises:
        InstallationError: The address is not safe or cannot be reached, lacks a file, or sends other content than it
            should.
        OSError: The disk is full or may not be written to.
    """
    target.mkdir(parents=True, exist_ok=True)
    client = httpx2.Client(
        follow_redirects=True,
        timeout=_TIMEOUT_SECONDS,
        event_hooks={"request": [_require_safe]},
        # another coding would have another length, and no part could be asked for
        headers={"accept-encoding": "identity"},
    )
    with WeakFileLock(target / ".lock"), client:
        for file in source.files:
            if not _is_right(target, file.name, file):
                _Download(client, urljoin(source.address, file.path), file, target, progress).run()
            size = (target / file.name).stat().st_size
            progress(file.path, size, size)


def _require_safe(request: httpx2.Request) -> None:
    """Refuse an address, also one that is redirected to, at which anybody on the way could change the content."""
    if request.url.scheme != "https" and not _is_loopback(request.url.host):
        raise InstallationError(f"{request.url} is not downloaded from: an address has to begin with https://")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Download:
    """One file's way from its address into a folder."""

    def __init__(
        self, client: httpx2.Client, url: str, file: WebFile, target: Path, progress: DownloadProgress
    ) -> None:
        self._client = client
        self._url = url
        self._file = file
        self._target = target
        self._progress = progress
        self._partial = target / f"{file.name}{_PARTIAL}"
        # which version the partial file is of, in the server's words
        self._validator = target / f"{file.name}{_VALIDATOR}"

    def run(self) -> None:
        while True:
            before = self._there()
            try:
                self._fetch()
                break
            except httpx2.TransportError as error:
                if self._there() <= before:
                    raise InstallationError(self._broken_off(str(error) or type(error).__name__)) from error
            except httpx2.HTTPError as error:
                raise InstallationError(self._broken_off(str(error))) from error
        if not _is_right(self._target, self._partial.name, self._file):
            self._forget()
            raise InstallationError(
                f"{self._url} is not the file that the manifest describes, and was removed: its size or digest differs"
            )
        self._partial.replace(self._target / self._file.name)
        self._validator.unlink(missing_ok=True)

    def _fetch(self) -> None:
        """Fetch what is missing of the file into its partial one."""
        there = self._there()
        if there and there == self._file.size:
            return
        headers = {"range": f"bytes={there}-", "if-range": self._known_validator()} if there else {}
        with self._client.stream("GET", self._url, headers=headers) as answer:
            self._require_content(answer)
            continued = answer.status_code == httpx2.codes.PARTIAL_CONTENT
            if continued and not answer.headers.get("content-range", "").startswith(f"bytes {there}-"):
                self._forget()
                raise InstallationError(self._broken_off("it sends another part than the one that was asked for"))
            there = there if continued else 0
            size = there + int(answer.headers["content-length"])
            if self._file.size not in {None, size}:
                self._forget()
                raise InstallationError(f"{self._url} has {size:,} bytes instead of {self._file.size:,}")
            if not continued:
                self._forget()
                self._keep_validator(answer)
            with self._partial.open("ab" if continued else "wb") as content:
                self._progress(self._file.path, there, size)
                for chunk in answer.iter_raw():
                    content.write(chunk)
                    there += len(chunk)
                    self._progress(self._file.path, there, size)

    def _require_content(self, answer: httpx2.Response) -> None:
        if answer.status_code in _GONE:
            raise InstallationError(f"{self._url} does not exist (it answers {answer.status_code})")
        if answer.status_code == _NO_SUCH_RANGE:
            self._forget()
            raise InstallationError(self._broken_off("it has become shorter"))
        if answer.status_code not in {httpx2.codes.OK, httpx2.codes.PARTIAL_CONTENT}:
            raise InstallationError(self._broken_off(f"it answers {answer.status_code}"))
        if "content-length" not in answer.headers:
            raise InstallationError(f"{self._url} does not say how long it is: it cannot be told from a part of it")

    def _there(self) -> int:
        """Bytes of the partial file that a download may go on from."""
        if not self._partial.exists():
            return 0
        if not self._known_validator() or self._partial.stat().st_size > (self._file.size or float("inf")):
            self._forget()
            return 0
        return self._partial.stat().st_size

    def _known_validator(self) -> str:
        return self._validator.read_text(encoding="ascii") if self._validator.exists() else ""

    def _keep_validator(self, answer: httpx2.Response) -> None:
        """Keep what the server calls this version, so that nothing is joined to a part of another."""
        tag = answer.headers.get("etag", "")
        strong = tag if not tag.startswith("W/") else ""
        self._validator.write_text(strong or answer.headers.get("last-modified", ""), encoding="ascii")

    def _forget(self) -> None:
        self._partial.unlink(missing_ok=True)
        self._validator.unlink(missing_ok=True)

    def _broken_off(self, reason: str) -> str:
        return f"{self._url} cannot be downloaded: {reason}. Run it again to go on"


def _is_right(folder: Path, name: str, file: WebFile) -> bool:
    """Whether a file is there, and has the size and the digest as far as they are known."""
    if not (folder / name).is_file():
        return False
    found = measure_file(folder, name)
    return file.sha256 in {None, found.sha256} and file.size in {None, found.size}


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
            if not _is_right(folder, file.name, file):
                raise InstallationError(f"{files / file.name} is not the file that the manifest describes")
            if recorded.get(file.name, found := measure_file(folder, file.name)) != found:
                raise InstallationError(f"{files / file.name} is damaged: copy the folder again")
        names = [file.name for file in card.web.files]
        installation = write_installation(folder, card.pipeline["checkpoint"], {}, names=names)
        try:
            build_model(replace(card, files=installation.files, folder=folder), RunOptions(device="cpu"))
        except ModelFileError as error:
            raise InstallationError(f"{error}; nothing was installed") from error
