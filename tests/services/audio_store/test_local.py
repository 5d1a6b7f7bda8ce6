"""The audio store in a folder."""

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.audio_store import LocalAudioStore


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_where_a_file_lies(tmp_path: Path) -> None:
    stored = LocalAudioStore(tmp_path / "not" / "yet").put(io.BytesIO(b"sound"), "mp3")
    assert stored.path == tmp_path / "not" / "yet" / stored.file_id[:2] / f"{stored.file_id}.mp3"
    assert stored.path.read_bytes() == b"sound"
    assert stored.url is None


def test_an_interrupted_upload_leaves_no_file_at_all(tmp_path: Path) -> None:
    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise KeyboardInterrupt
            return super().read(3 if size else size)

    with pytest.raises(KeyboardInterrupt):
        LocalAudioStore(tmp_path).put(Interrupted(b"abcdef"), "mp3")
    assert list(tmp_path.iterdir()) == []


def test_files_of_others_are_not_listed(tmp_path: Path) -> None:
    store = LocalAudioStore(tmp_path)
    assert list(store.files()) == []
    stored = store.put(io.BytesIO(b"sound"), "mp3")
    for name in (".incoming-x", "loose.mp3", "ab/notes", "ab/cd.mp3", "ab/abc.tar.gz"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert list(store.files()) == [stored]


def test_what_a_process_left_that_died_while_it_wrote(tmp_path: Path) -> None:
    store = LocalAudioStore(tmp_path)
    stored = store.put(io.BytesIO(b"sound"), "mp3")
    now = datetime.now(UTC)
    for name, age in ((".incoming-old", timedelta(hours=2)), (".incoming-new", timedelta(0))):
        (tmp_path / name).write_bytes(b"so")
        os.utime(tmp_path / name, ((now - age).timestamp(), (now - age).timestamp()))
    assert store.remove_unfinished(now - timedelta(hours=1)) == 1
    assert stored.path is not None
    assert names(tmp_path) == {".incoming-new", str(stored.path.relative_to(tmp_path))}
