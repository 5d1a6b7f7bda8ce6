"""Downloads from a web server on this machine, and installing what they bring."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.card import GenreCard, ModelFileError, WebFile, WebSource
from models.files import download
from models.files.download import ATTEMPTS
from models.files.installation import InstallationError
from models.files.web import download_files, install_files
from models.registry import Registry, open_genre_model
from tests.support import tiny_effnet
from tests.support.loopback_files import LoopbackFiles, serve
from tests.support.small_disk import small_disk
from tests.support.tiny_effnet import METADATA, NETWORK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = 3_000_000
WEIGHTS = "weights.onnx"
LABELS = "labels.json"


NOTHING = [0] * ATTEMPTS
"""Cuts of the connection after which a download is given up."""


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def web() -> Iterator[LoopbackFiles]:
    """A server with a small and a larger file."""
    with serve(LoopbackFiles({LABELS: b"{}", WEIGHTS: np.random.default_rng(1).bytes(LARGE)})) as running:
        yield running


def source(web: LoopbackFiles, *, pinned: bool = False) -> WebSource:
    """Both files, with or without what they are to be."""
    files = [
        WebFile(name, hashlib.sha256(content).hexdigest(), len(content)) if pinned else WebFile(name)
        for name, content in web.files.items()
    ]
    return WebSource(web.address, tuple(files))


def ignore(_path: str, _done: int, _size: int | None) -> None:
    """Nobody watches."""


def content_of(folder: Path) -> dict[str, bytes]:
    """What a folder holds, but for the lock."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def refused(wanted: WebSource, target: Path) -> str:
    with pytest.raises(InstallationError) as refusal:
        download_files(wanted, target, ignore)
    assert WEIGHTS not in content_of(target)
    return str(refusal.value)


def ranges(web: LoopbackFiles, name: str = WEIGHTS) -> list[str | None]:
    return [part for asked, part in web.requests if asked == name]


@pytest.mark.parametrize("pinned", [True, False])
def test_files_are_downloaded_whole_and_once(web: LoopbackFiles, tmp_path: Path, *, pinned: bool) -> None:
    reports: list[tuple[str, int, int | None]] = []
    download_files(source(web, pinned=pinned), tmp_path / "new", lambda *report: reports.append(report))

    assert content_of(tmp_path / "new") == web.files
    done = [done for path, done, _ in reports if path == WEIGHTS]
    assert (done[0], done[-1]) == (0, LARGE)
    assert done == sorted(done)
    assert len(set(done)) > 2, "bytes are reported while they arrive"
    assert {size for path, _, size in reports if path == WEIGHTS} == {LARGE}

    download_files(source(web, pinned=pinned), tmp_path / "new", ignore)
    assert len(web.requests) == 2


@pytest.mark.parametrize("pinned", [True, False])
def test_a_connection_that_is_cut_is_taken_up_again(web: LoopbackFiles, tmp_path: Path, *, pinned: bool) -> None:
    web.break_after[WEIGHTS] = [1_000_000, 700_000]
    download_files(source(web, pinned=pinned), tmp_path, ignore)

    first, second, third = ranges(web)
    assert first is None
    assert second is not None
    assert third is not None
    assert 0 < int(second.removeprefix("bytes=")[:-1]) < int(third.removeprefix("bytes=")[:-1]) < LARGE
    assert content_of(tmp_path) == web.files


def test_what_was_begun_is_continued_later(web: LoopbackFiles, tmp_path: Path) -> None:
    web.break_after[WEIGHTS] = [1_000_000, *NOTHING]
    assert "Run it again to go on" in refused(source(web), tmp_path)
    there = len(content_of(tmp_path)[f"{WEIGHTS}.partial"])
    assert 0 < there <= 1_000_000

    web.requests.clear()
    download_files(source(web), tmp_path, ignore)
    assert web.requests == [(WEIGHTS, f"bytes={there}-")]
    assert content_of(tmp_path) == web.files


def test_a_part_of_another_version_is_not_continued(web: LoopbackFiles, tmp_path: Path) -> None:
    """Without a digest, nothing else would tell that the halves do not belong together."""
    web.break_after[WEIGHTS] = [1_000_000, *NOTHING]
    refused(source(web), tmp_path)
    web.files[WEIGHTS] = np.random.default_rng(2).bytes(LARGE)
    download_files(source(web), tmp_path, ignore)
    assert content_of(tmp_path) == web.files


def test_a_file_that_changes_while_it_is_downloaded_starts_over(web: LoopbackFiles, tmp_path: Path) -> None:
    """The connection is cut in the middle, and what is asked for next is of another version."""
    other = np.random.default_rng(2).bytes(LARGE + 5)
    web.break_after[WEIGHTS] = [1_000_000]

    def change(path: str, done: int, _size: int | None) -> None:
        if path == WEIGHTS and done >= 500_000:
            web.files[WEIGHTS] = other

    download_files(source(web), tmp_path, change)
    first, second = ranges(web)
    assert first is None
    assert second is not None, "a part is asked for, if it is still of this version"
    assert content_of(tmp_path) == {LABELS: b"{}", WEIGHTS: other}


def test_a_file_that_becomes_shorter_starts_over(web: LoopbackFiles, tmp_path: Path) -> None:
    web.break_after[WEIGHTS] = [1_000_000, *NOTHING]
    refused(source(web), tmp_path)
    web.files[WEIGHTS] = b"short"
    download_files(source(web), tmp_path, ignore)
    assert content_of(tmp_path) == web.files


def test_requests_that_bring_nothing_are_bounded(web: LoopbackFiles, tmp_path: Path) -> None:
    web.break_after[WEIGHTS] = [*NOTHING[1:], 1_000, *NOTHING[1:], 1_000, *NOTHING]
    assert "Run it again to go on" in refused(source(web), tmp_path)
    assert len(ranges(web)) == 3 * ATTEMPTS
    assert (tmp_path / f"{WEIGHTS}.partial").stat().st_size == 2_000


def test_a_server_that_is_busy_for_a_moment_is_asked_again(web: LoopbackFiles, tmp_path: Path) -> None:
    web.status_once[WEIGHTS] = [503, 429, 500]
    download_files(source(web), tmp_path, ignore)
    assert len(ranges(web)) == 4
    assert content_of(tmp_path) == web.files


def test_a_disk_without_room_is_reported_and_the_download_continued(web: LoopbackFiles, tmp_path: Path) -> None:
    web.files[WEIGHTS] = np.random.default_rng(1).bytes(2 * LARGE)
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", 8) as disk:
        (disk / "ballast").write_bytes(bytes(4_000_000))
        words = refused(source(web), disk)
        assert f"the disk is full: {disk} has no room for {web.address}{WEIGHTS}" in words
        assert "set MODELS_DIR to another disk" in words
        there = (disk / f"{WEIGHTS}.partial").stat().st_size
        assert 0 < there < 2 * LARGE
        (disk / "ballast").unlink()
        web.requests.clear()
        download_files(source(web), disk, ignore)
        assert web.requests == [(WEIGHTS, f"bytes={there}-")]
        assert content_of(disk) == web.files


@pytest.mark.parametrize("lack", ["versioned", "ranged"])
def test_a_server_that_cannot_continue_is_asked_from_the_beginning(
    web: LoopbackFiles, tmp_path: Path, lack: str
) -> None:
    setattr(web, lack, False)
    web.break_after[WEIGHTS] = [1_000_000, *NOTHING]
    refused(source(web), tmp_path)
    download_files(source(web), tmp_path, ignore)
    assert content_of(tmp_path) == web.files


def test_other_content_than_the_manifests_is_removed(web: LoopbackFiles, tmp_path: Path) -> None:
    wanted = source(web, pinned=True)
    web.files[WEIGHTS] = b"?" + web.files[WEIGHTS][1:]
    words = refused(wanted, tmp_path)
    assert f"{WEIGHTS} arrived damaged and was removed: run it again" in words
    assert "another file than the manifest describes" in words
    assert set(content_of(tmp_path)) == {LABELS}


@pytest.mark.parametrize("change", [-1, 1])
def test_another_size_is_refused_before_it_is_downloaded(web: LoopbackFiles, tmp_path: Path, change: int) -> None:
    wanted = source(web, pinned=True)
    web.files[WEIGHTS] = bytes(LARGE + change)
    assert f"has {LARGE + change:,} bytes instead of {LARGE:,}" in refused(wanted, tmp_path)
    assert set(content_of(tmp_path)) == {LABELS}


@pytest.mark.parametrize(
    ("status", "words"), [(404, "does not exist (it answers 404)"), (503, "it answers 503. Run it again to go on")]
)
def test_an_answer_without_the_file_is_reported(web: LoopbackFiles, tmp_path: Path, status: int, words: str) -> None:
    web.status[WEIGHTS] = status
    assert f"{web.address}{WEIGHTS}" in (said := refused(source(web), tmp_path))
    assert words in said


def test_a_file_of_no_stated_length_is_refused(web: LoopbackFiles, tmp_path: Path) -> None:
    wanted = WebSource(web.address, (WebFile(WEIGHTS),))
    web.measured = False
    assert "does not say how long it is" in refused(wanted, tmp_path)


def test_a_server_that_compresses_is_understood_where_the_file_is_known(web: LoopbackFiles, tmp_path: Path) -> None:
    web.coded = True
    assert "does not say how long it is" in refused(source(web), tmp_path / "unknown")
    web.break_after[WEIGHTS] = [1_000_000]
    download_files(source(web, pinned=True), tmp_path / "known", ignore)
    assert content_of(tmp_path / "known") == web.files


def test_a_server_that_is_down_is_reported(tmp_path: Path) -> None:
    with serve(LoopbackFiles({WEIGHTS: b""})) as web:
        wanted = source(web)
    assert "cannot be downloaded" in refused(wanted, tmp_path)


def test_only_https_is_downloaded_from(web: LoopbackFiles, tmp_path: Path) -> None:
    """Loopback is left out: nobody is on the way."""
    plain = WebSource("http://models.example.org/", (WebFile(WEIGHTS),))
    assert "http://models.example.org/weights.onnx is not downloaded from" in refused(plain, tmp_path)
    web.redirects[WEIGHTS] = "http://models.example.org/elsewhere.onnx"
    assert "http://models.example.org/elsewhere.onnx is not downloaded from" in refused(source(web), tmp_path)


# --- installing


def installed(models_dir: Path, content: dict[str, bytes], card: GenreCard | None = None) -> GenreCard:
    """Install files from a folder of their own; the card, as the registry has it."""
    card = card or tiny_effnet.unpinned_card()
    folder = tiny_effnet.write_files(models_dir.parent / "usb", content)
    install_files(folder, models_dir / card.name, card)
    found = Registry(models_dir).find_genre_model(card.name)
    assert isinstance(found, GenreCard)
    return found


def test_what_was_downloaded_is_installed_and_opened(tmp_path: Path) -> None:
    card = tiny_effnet.unpinned_card()
    with serve(LoopbackFiles(tiny_effnet.files())) as web:
        download_files(replace(card.web, address=web.address), tmp_path / "downloaded", ignore)
    install_files(tmp_path / "downloaded", tmp_path / "models" / card.name, card)

    found = Registry(tmp_path / "models").find_genre_model(card.name)
    assert {file.path: file.sha256 for file in found.files} == {
        name: hashlib.sha256(content).hexdigest() for name, content in tiny_effnet.files().items()
    }
    assert open_genre_model(found) is open_genre_model(found)


def test_the_first_digest_is_recorded_and_compared_from_then_on(tmp_path: Path) -> None:
    card = installed(tmp_path / "models", tiny_effnet.files())
    labels = tmp_path / "models" / card.name / METADATA
    labels.write_bytes(labels.read_bytes().replace(b"Jazz", b"Rock", 1))
    with pytest.raises(ModelFileError, match=r"bsdynamic-1\.json is damaged or has been changed"):
        open_genre_model(card)


def test_an_installation_of_another_machine_is_compared_with_its_record(tmp_path: Path) -> None:
    card = installed(tmp_path / "models", tiny_effnet.files())
    assert card.folder is not None
    record = json.loads((card.folder / "installed.json").read_text(encoding="utf-8"))
    unpinned = tiny_effnet.unpinned_card()
    install_files(card.folder, tmp_path / "second", unpinned)

    (card.folder / NETWORK).write_bytes(tiny_effnet.network(names=("a", "b", "c")))
    with pytest.raises(InstallationError, match=r"bsdynamic-1\.onnx is damaged: copy the folder again"):
        install_files(card.folder, tmp_path / "third", unpinned)
    assert not (tmp_path / "third").exists()
    assert json.loads((tmp_path / "second" / "installed.json").read_text(encoding="utf-8")) == record


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({NETWORK: b""}, "lacks discogs-effnet-bsdynamic-1.json"),
        (tiny_effnet.files(b"no network"), "is no ONNX network"),
        (tiny_effnet.files(metadata_content=b"<html>"), "is no JSON"),
        (tiny_effnet.files(tiny_effnet.network(bands=128)), "input ['batch', 128, 96] is wanted, and there is"),
    ],
)
def test_what_is_no_such_model_is_not_installed(tmp_path: Path, content: dict[str, bytes], words: str) -> None:
    with pytest.raises(InstallationError) as refusal:
        installed(tmp_path / "models", content)
    assert words in str(refusal.value)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_failure_leaves_the_installation_before(tmp_path: Path) -> None:
    card = installed(tmp_path / "models", tiny_effnet.files())
    broken = tiny_effnet.write_files(tmp_path / "broken", tiny_effnet.files(b"no network"))
    with pytest.raises(InstallationError, match="nothing was installed"):
        install_files(broken, tmp_path / "models" / card.name, tiny_effnet.unpinned_card())
    open_genre_model(card)


def test_files_other_than_the_manifests_are_not_installed(tmp_path: Path) -> None:
    pinned = Registry(tmp_path).find_genre_model(tiny_effnet.NAME)
    assert isinstance(pinned, GenreCard)
    with pytest.raises(InstallationError, match="is not the file that the manifest describes"):
        installed(tmp_path / "models", tiny_effnet.files(), pinned)
