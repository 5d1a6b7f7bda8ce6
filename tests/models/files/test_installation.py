"""A model is installed or is not, and is what it says that it is."""

from __future__ import annotations

import json
import shutil
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.card import HubFile, HubSource, verify_files
from models.files.installation import (
    EXPORTED,
    RECORD,
    InstallationError,
    install_checkpoint,
    install_export,
    measure_file,
    prepared_folder,
    read_installation,
    write_installation,
)
from models.registry import Registry, find_model

if TYPE_CHECKING:
    from pathlib import Path

    from models.card import ModelCard


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_prepared_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "models" / "clap"
    with prepared_folder(target) as folder:
        (folder / "audio.onnx").write_bytes(b"new")
        assert folder.parent == target.parent
        assert not target.exists()

    assert contents(target) == {"audio.onnx": b"new"}
    assert [path.name for path in target.parent.iterdir()] == ["clap"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o755


def fail_to_prepare(target: Path, error: BaseException) -> None:
    with prepared_folder(target) as folder:
        (folder / "audio.onnx").write_bytes(b"half")
        raise error


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        fail_to_prepare(tmp_path / "clap", error)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "clap"
    target.mkdir()
    (target / "audio.onnx").write_bytes(b"old")
    with pytest.raises(OSError, match="disk full"):
        fail_to_prepare(target, OSError("disk full"))

    assert contents(target) == {"audio.onnx": b"old"}
    assert [path.name for path in tmp_path.iterdir()] == ["clap"]


def test_what_was_there_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "clap"
    target.mkdir()
    (target / "old.onnx").write_bytes(b"old")
    with prepared_folder(target) as folder:
        (folder / "new.onnx").write_bytes(b"new")
        assert contents(target) == {"old.onnx": b"old"}, "the old one serves until the new one is complete"

    assert contents(target) == {"new.onnx": b"new"}
    assert [path.name for path in tmp_path.iterdir()] == ["clap"]


def test_a_folder_that_cannot_take_the_place_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "clap"
    target.mkdir()
    (target / "old.onnx").write_bytes(b"old")
    with pytest.raises(FileNotFoundError), prepared_folder(target) as folder:
        shutil.rmtree(folder)
    assert contents(target) == {"old.onnx": b"old"}


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    for name in EXPORTED:
        (tmp_path / name).write_bytes(name.encode())
    written = write_installation(tmp_path, "some/clap@abc", {"torch": "2"}, {"name": "ünïcode"})

    assert read_installation(tmp_path) == written
    assert {file.path for file in written.files} == set(EXPORTED)
    assert written.files[0] == measure_file(tmp_path, EXPORTED[0])


def test_files_count_only_for_their_checkpoint(tiny_card: ModelCard) -> None:
    assert tiny_card.folder is not None
    installation = read_installation(tiny_card.folder)

    assert installation.files_of(tiny_card) == (*tiny_card.files, tiny_card.answers)
    assert installation.files_of(find_model("clap-htsat-unfused")) == ()


def test_an_export_that_lacks_a_file_cannot_be_recorded(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"audio\.onnx"):
        write_installation(tmp_path, "some/clap@abc", {})
    assert not (tmp_path / RECORD).exists()


def test_a_folder_without_a_record_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match=f"no model is installed in {tmp_path}"):
        read_installation(tmp_path)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"{",
        b"[]",
        b'"words"',
        b"\xff\xfe",
        b'{"files": [], "versions": {}}',
        b'{"checkpoint": "a", "files": [{"path": "b"}], "versions": {}, "card": {}}',
        b'{"checkpoint": "a", "files": [3], "versions": {}, "card": {}}',
    ],
)
def test_a_record_that_cannot_be_read_says_what_to_do(tmp_path: Path, record: bytes) -> None:
    (tmp_path / RECORD).write_bytes(record)
    with pytest.raises(InstallationError, match=r"installed\.json cannot be read .*: install the model again"):
        read_installation(tmp_path)


@pytest.fixture
def exported(tmp_path: Path, tiny_card: ModelCard) -> Path:
    """A copy of an exported folder, as if from another machine."""
    assert tiny_card.folder is not None
    return shutil.copytree(tiny_card.folder, tmp_path / "usb" / "some folder")


def test_an_export_of_another_machine_is_installed(tmp_path: Path, exported: Path, tiny_card: ModelCard) -> None:
    models_dir = tmp_path / "models"
    install_export(exported, models_dir / tiny_card.name, tiny_card)

    card = Registry(models_dir).find(tiny_card.name)
    assert (card.identity, card.files, card.answers) == (tiny_card.identity, tiny_card.files, tiny_card.answers)
    verify_files(card)


def test_nothing_else_of_an_exported_folder_is_copied(tmp_path: Path, exported: Path, tiny_card: ModelCard) -> None:
    (exported / "holiday.jpg").write_bytes(b"beach")
    install_export(exported, tmp_path / "models" / "clap", tiny_card)
    assert {path.name for path in (tmp_path / "models" / "clap").iterdir()} == {*EXPORTED, RECORD}


def test_an_export_of_another_checkpoint_is_refused(tmp_path: Path, exported: Path) -> None:
    card = find_model("clap-htsat-unfused")
    with pytest.raises(InstallationError, match=r"was made of tiny-clap@0+, not of laion/clap-htsat-unfused@8fa0"):
        install_export(exported, tmp_path / "models" / "clap", card)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("name", EXPORTED)
def test_a_damaged_export_is_refused(tmp_path: Path, exported: Path, tiny_card: ModelCard, name: str) -> None:
    content = bytearray((exported / name).read_bytes())
    content[len(content) // 2] ^= 1
    (exported / name).write_bytes(bytes(content))
    with pytest.raises(InstallationError, match=f"{name} is damaged: copy the folder again"):
        install_export(exported, tmp_path / "models" / "clap", tiny_card)
    assert list((tmp_path / "models").iterdir()) == []


def test_an_export_that_was_copied_half_is_refused(tmp_path: Path, exported: Path, tiny_card: ModelCard) -> None:
    (exported / "text.onnx").unlink()
    with pytest.raises(InstallationError, match=r"text\.onnx is missing: copy the whole folder again"):
        install_export(exported, tmp_path / "models" / "clap", tiny_card)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_record_cannot_name_files_outside_its_folder(tmp_path: Path, exported: Path, tiny_card: ModelCard) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_bytes(b"secret")
    record = json.loads((exported / RECORD).read_text(encoding="utf-8"))
    measured = measure_file(tmp_path, "secret.txt")
    record["files"].append({"path": "../../secret.txt", "sha256": measured.sha256, "size": 6, "package": None})
    (exported / RECORD).write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(InstallationError, match="cannot be read"):
        install_export(exported, tmp_path / "models" / "clap", tiny_card)


def hub_card(checkpoint: Path, tiny_card: ModelCard, *names: str) -> ModelCard:
    """A card that names files of a checkpoint with their digests."""
    measured = [measure_file(checkpoint, name) for name in names]
    files = tuple(HubFile(file.path, file.sha256, file.size) for file in measured)
    return replace(tiny_card, hub=HubSource("someone/clap", "5f" * 20, files))


def test_a_checkpoint_is_copied_from_a_folder(tmp_path: Path, tiny_checkpoint: Path, tiny_card: ModelCard) -> None:
    names = ("config.json", "model.safetensors")
    target = tmp_path / "models" / "clap.checkpoint"
    install_checkpoint(tiny_checkpoint, target, hub_card(tiny_checkpoint, tiny_card, *names))

    assert contents(target) == {name: (tiny_checkpoint / name).read_bytes() for name in names}


def test_a_checkpoint_with_other_content_is_refused(
    tmp_path: Path, tiny_checkpoint: Path, tiny_card: ModelCard
) -> None:
    card = hub_card(tiny_checkpoint, tiny_card, "config.json", "merges.txt")
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "other")
    (folder / "merges.txt").write_text("other words")
    with pytest.raises(InstallationError, match=r"merges\.txt is not the file of someone/clap at 5f5f5f5f5f5f"):
        install_checkpoint(folder, tmp_path / "models" / "clap", card)

    (folder / "merges.txt").unlink()
    with pytest.raises(InstallationError, match=r"other lacks merges\.txt"):
        install_checkpoint(folder, tmp_path / "models" / "clap", card)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_bundled_model_has_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match="musicnn-tags has no checkpoint"):
        install_checkpoint(tmp_path, tmp_path / "models", find_model("musicnn-tags"))
