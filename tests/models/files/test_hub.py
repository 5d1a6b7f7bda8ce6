"""Downloads from a hub on this machine that speaks the real one's protocol."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.card import HubFile, HubSource
from models.files.hub import download_checkpoint
from models.files.installation import InstallationError
from tests.support.loopback_hub import REPO, REVISION, LoopbackHub, serve
from tests.support.small_disk import small_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = 25_000_000
WEIGHTS = "pytorch_model.bin"


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    """A hub with a small and a large file."""
    files = {"config.json": b'{"model_type": "clap"}', "folder/words.txt": b"words\n" * 1000}
    with serve(LoopbackHub({**files, WEIGHTS: np.random.default_rng(1).bytes(LARGE)}, large={WEIGHTS})) as running:
        yield running


class Progress:
    """Everything that was reported."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, int, int | None]] = []

    def __call__(self, path: str, done: int, size: int | None) -> None:
        """As `models.files.hub` calls it."""
        self.reports.append((path, done, size))

    def of(self, path: str) -> list[int]:
        """How many bytes of a file were there, every time that it was said."""
        return [done for reported, done, _ in self.reports if reported == path]


def source(*paths: str, sha256: str | None = None, size: int | None = None, revision: str = REVISION) -> HubSource:
    return HubSource(REPO, revision, tuple(HubFile(path, sha256, size) for path in paths))


def everything(target: Path) -> dict[str, bytes]:
    """What a folder holds, but for the lock."""
    found = {path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != ".lock"}


def test_a_checkpoint_is_downloaded_whole(hub: LoopbackHub, tmp_path: Path) -> None:
    progress = Progress()
    download_checkpoint(source(*hub.files), tmp_path / "new" / "clap", progress, endpoint=hub.address)

    assert everything(tmp_path / "new" / "clap") == hub.files
    reported = progress.of(WEIGHTS)
    assert (reported[0], reported[-1]) == (0, LARGE)
    assert reported == sorted(reported)
    assert len(set(reported)) > 2, "bytes are reported while they arrive"
    assert {size for path, _, size in progress.reports if path == WEIGHTS} == {LARGE}


def test_what_is_there_is_not_downloaded_again(hub: LoopbackHub, tmp_path: Path) -> None:
    for _ in range(2):
        download_checkpoint(source(*hub.files), tmp_path, Progress(), endpoint=hub.address)

    assert [len(hub.asked_for(path)) for path in hub.files] == [1, 1, 1]


def test_with_the_digests_of_the_card_what_is_there_needs_no_hub(hub: LoopbackHub, tmp_path: Path) -> None:
    wanted = source(WEIGHTS, sha256=hub.digest(WEIGHTS), size=LARGE)
    download_checkpoint(wanted, tmp_path, Progress(), endpoint=hub.address)
    progress = Progress()
    download_checkpoint(wanted, tmp_path, progress, endpoint="http://127.0.0.1:9")

    assert progress.reports == [(WEIGHTS, LARGE, LARGE)]


def test_a_download_that_was_killed_goes_on_where_it_was(hub: LoopbackHub, tmp_path: Path) -> None:
    class KilledError(BaseException):
        pass

    def kill(path: str, done: int, _: int | None) -> None:
        if path == WEIGHTS and done > LARGE / 2:
            raise KilledError

    with pytest.raises(KilledError):
        download_checkpoint(source(*hub.files), tmp_path, kill, endpoint=hub.address)
    assert WEIGHTS not in everything(tmp_path)
    there = (tmp_path / f"{WEIGHTS}.partial").stat().st_size
    assert 0 < there < LARGE

    hub.requests.clear()
    progress = Progress()
    download_checkpoint(source(*hub.files), tmp_path, progress, endpoint=hub.address)

    assert hub.asked_for(WEIGHTS) == [f"bytes={there}-"]
    assert hub.asked_for("config.json") == []
    assert progress.of(WEIGHTS)[0] == there
    assert progress.of(WEIGHTS)[-1] == LARGE
    assert everything(tmp_path) == hub.files


def test_a_connection_that_breaks_is_taken_up_again(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.break_after[WEIGHTS] = 20_000_000
    progress = Progress()
    download_checkpoint(source(WEIGHTS), tmp_path, progress, endpoint=hub.address)

    first, second = hub.asked_for(WEIGHTS)
    assert first is None
    assert second is not None
    assert int(second.removeprefix("bytes=").removesuffix("-")) >= 10_000_000
    assert progress.of(WEIGHTS) == sorted(progress.of(WEIGHTS))
    assert everything(tmp_path) == {WEIGHTS: hub.files[WEIGHTS]}


@pytest.mark.parametrize("path", ["config.json", WEIGHTS])
def test_other_content_than_announced_is_removed(hub: LoopbackHub, tmp_path: Path, path: str) -> None:
    right = hub.digest(path)
    hub.announced[path] = right
    content = hub.files[path]
    hub.files[path] = content[:10] + b"?" + content[11:]
    with pytest.raises(InstallationError, match=f"{path} at 5f5f5f5f5f5f arrived damaged and was removed: run it"):
        download_checkpoint(source(path), tmp_path, Progress(), endpoint=hub.address)
    assert everything(tmp_path) == {}

    hub.files[path] = content
    download_checkpoint(source(path), tmp_path, Progress(), endpoint=hub.address)
    assert everything(tmp_path) == {path: content}


def test_other_content_than_the_card_names_is_removed(hub: LoopbackHub, tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match="arrived damaged"):
        download_checkpoint(source("config.json", sha256="0" * 64), tmp_path, Progress(), endpoint=hub.address)
    assert everything(tmp_path) == {}


def test_what_was_changed_on_the_disk_is_downloaded_again(hub: LoopbackHub, tmp_path: Path) -> None:
    download_checkpoint(source("config.json"), tmp_path, Progress(), endpoint=hub.address)
    (tmp_path / "config.json").write_bytes(b'{"model_type": "bert"}')
    download_checkpoint(source("config.json"), tmp_path, Progress(), endpoint=hub.address)

    assert everything(tmp_path) == {"config.json": hub.files["config.json"]}


def test_a_partial_file_of_something_else_does_not_get_in(hub: LoopbackHub, tmp_path: Path) -> None:
    (tmp_path / "config.json.partial").write_bytes(b"x" * 10)
    with pytest.raises(InstallationError, match="arrived damaged"):
        download_checkpoint(source("config.json"), tmp_path, Progress(), endpoint=hub.address)
    (tmp_path / "config.json.partial").write_bytes(b"x" * 10_000)
    download_checkpoint(source("config.json"), tmp_path, Progress(), endpoint=hub.address)

    assert everything(tmp_path) == {"config.json": hub.files["config.json"]}


def test_a_file_that_the_hub_lacks_is_named(hub: LoopbackHub, tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match=rf"the hub has no {REPO}/model.safetensors at 5f5f5f5f5f5f \(.*404\)"):
        download_checkpoint(source("config.json", "model.safetensors"), tmp_path, Progress(), endpoint=hub.address)
    assert set(everything(tmp_path)) == {"config.json"}


def test_a_revision_that_the_hub_lacks_is_named(hub: LoopbackHub, tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match=r"the hub has no .* at aaaaaaaaaaaa \(it answers 404\)"):
        download_checkpoint(source("config.json", revision="a" * 40), tmp_path, Progress(), endpoint=hub.address)


def test_another_commit_than_asked_for_is_refused(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.commit = "7" * 40
    with pytest.raises(InstallationError, match=r"the hub has 7{40} in place of .*config.json at 5f5f5f5f5f5f"):
        download_checkpoint(source("config.json"), tmp_path, Progress(), endpoint=hub.address)
    assert everything(tmp_path) == {}


def test_a_hub_that_is_down_is_reported(tmp_path: Path) -> None:
    with serve(LoopbackHub({})) as hub:
        address = hub.address
    with pytest.raises(InstallationError, match=r"config.json at 5f5f.* cannot be downloaded: .*refused.*Run it again"):
        download_checkpoint(source("config.json"), tmp_path, Progress(), endpoint=address)


def test_a_part_of_another_commit_is_not_continued(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.break_after[WEIGHTS] = 2_000_000

    def die(path: str, done: int, _: int | None) -> None:
        if path == WEIGHTS and done > 1_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download_checkpoint(source(WEIGHTS), tmp_path, die, endpoint=hub.address)
    hub.files[WEIGHTS] = np.random.default_rng(2).bytes(LARGE)
    hub.break_after.clear()
    download_checkpoint(source(WEIGHTS), tmp_path, Progress(), endpoint=hub.address)
    assert hub.asked_for(WEIGHTS) == [None, None]
    assert everything(tmp_path) == {WEIGHTS: hub.files[WEIGHTS]}


def test_a_file_behind_a_gate_takes_a_token(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    hub.token = "hf_secret"  # noqa: S105 - of the loopback hub
    wanted = source("config.json", WEIGHTS)
    with pytest.raises(InstallationError, match=r"the hub has no .*config.json at 5f5f5f5f5f5f \(it answers 401\)"):
        download_checkpoint(wanted, tmp_path, Progress(), endpoint=hub.address)
    monkeypatch.setenv("HF_TOKEN", hub.token)
    with serve(LoopbackHub(hub.files, large=hub.large)) as storage:
        hub.storage = storage.address
        download_checkpoint(wanted, tmp_path, Progress(), endpoint=hub.address)
    assert everything(tmp_path) == {path: hub.files[path] for path in ("config.json", WEIGHTS)}
    assert storage.tokens == [(f"/storage/{WEIGHTS}", None)], "the token stays with the hub"


def pull(target: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Download in a process of its own: the hub's client reads the environment when it is imported."""
    command = (
        "import pathlib; from models.files.hub import download_checkpoint; "
        "from models.card import HubFile, HubSource; "
        f"source = HubSource({REPO!r}, {REVISION!r}, (HubFile('config.json'),)); "
        f"download_checkpoint(source, pathlib.Path({str(target)!r}), print)"
    )
    return subprocess.run(
        [sys.executable, "-c", command], env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_the_hub_of_the_environment_is_asked_through_its_proxy(hub: LoopbackHub, tmp_path: Path) -> None:
    finished = pull(tmp_path, HF_ENDPOINT="http://hub.invalid", HTTP_PROXY=hub.address, NO_PROXY="")
    assert finished.returncode == 0, finished.stderr
    assert everything(tmp_path) == {"config.json": hub.files["config.json"]}


def test_without_a_network_by_choice_nothing_is_asked(hub: LoopbackHub, tmp_path: Path) -> None:
    finished = pull(tmp_path, HF_ENDPOINT=hub.address, HF_HUB_OFFLINE="1")
    assert finished.returncode != 0
    assert "config.json at 5f5f5f5f5f5f cannot be downloaded: Cannot reach" in finished.stderr
    assert "HF_HUB_OFFLINE" in finished.stderr
    assert hub.requests == []


def test_a_disk_without_room_is_reported(hub: LoopbackHub, tmp_path: Path) -> None:
    with small_disk(tmp_path, 5) as disk:
        words = f"the disk is full: {disk} has no room for {REPO}/{WEIGHTS} at 5f5f5f5f5f5f"
        with pytest.raises(InstallationError, match=words):
            download_checkpoint(source(WEIGHTS), disk, Progress(), endpoint=hub.address)
        assert (disk / f"{WEIGHTS}.partial").stat().st_size > 1_000_000


def test_a_file_without_a_digest_is_refused(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.announced["config.json"] = "7-abc"
    with pytest.raises(InstallationError, match="the hub gives no digest of"):
        download_checkpoint(source("config.json"), tmp_path, Progress(), endpoint=hub.address)


def test_the_digest_of_a_large_file_is_that_of_its_content(hub: LoopbackHub) -> None:
    assert hub.digest(WEIGHTS) == hashlib.sha256(hub.files[WEIGHTS]).hexdigest()
