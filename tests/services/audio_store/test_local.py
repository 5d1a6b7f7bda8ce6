"""The audio store in a folder."""

import io
import os
import subprocess
import sys
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


def test_a_file_is_read_once_and_written_once(tmp_path: Path) -> None:
    written: list[int] = []

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            written.append(sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()))
            return super().read(size)

    source = Watched(bytes(5_000_000))
    with LocalAudioStore(tmp_path).stage(source, "wav") as staged:
        source.seek(0)
        count = len(written)
        assert written == sorted(written), "what was written is never written anew"
        (part,) = tmp_path.iterdir()
        before = part.stat()
        path = staged.keep().path
    assert path is not None
    assert path.stat().st_ino == before.st_ino, "it is renamed, not copied"
    assert len(written) == count, "it is not read again"
    assert path.read_bytes() == bytes(5_000_000)


def test_a_process_that_dies_between_staging_and_keeping(tmp_path: Path) -> None:
    dying = (
        "import io, os, pathlib; from services.audio_store import LocalAudioStore; "
        f"staged = LocalAudioStore(pathlib.Path({str(tmp_path)!r})).stage(io.BytesIO(b'sound'), 'mp3'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", dying], check=False).returncode == 9
    store = LocalAudioStore(tmp_path)
    assert list(store.files()) == []
    assert len(names(tmp_path)) == 1
    assert store.remove_unfinished(datetime.now(UTC) + timedelta(hours=1)) == 1
    assert names(tmp_path) == set()


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


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    """Private tracks lie there too."""
    LocalAudioStore(tmp_path / "audio").put(io.BytesIO(b"sound"), "mp3")
    assert (tmp_path / "audio").stat().st_mode & 0o777 == 0o700
