"""The audio store in a folder."""

import hashlib
import io
from pathlib import Path

import pytest

from services.audio_store import AudioMissingError, LocalAudioStore


def test_the_id_is_the_sha256_of_the_content(tmp_path: Path) -> None:
    store = LocalAudioStore(tmp_path / "audio")
    stored = store.put(io.BytesIO(b"sound" * 1000), "flac")
    assert stored.file_id == hashlib.sha256(b"sound" * 1000).hexdigest()
    assert stored.size == 5000
    with store.open(stored.file_id, "flac") as audio:
        assert audio.read() == b"sound" * 1000


def test_the_same_content_is_kept_once(tmp_path: Path) -> None:
    store = LocalAudioStore(tmp_path)
    first, second = (store.put(io.BytesIO(b"sound"), "mp3") for _ in range(2))
    assert first == second
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [first.path]


class Interrupted(io.BytesIO):
    """Gives a few bytes and then breaks off."""

    def read(self, size: int | None = -1) -> bytes:
        """Some bytes, then an error."""
        if self.tell():
            raise ConnectionError("the sender went away")
        return super().read(3 if size else size)


def test_an_interrupted_upload_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError):
        LocalAudioStore(tmp_path).put(Interrupted(b"abcdef"), "mp3")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file_id", "file_type"),
    [("../../etc/passwd", "mp3"), ("abc", "../mp3"), ("", "mp3"), ("a/b", "mp3"), ("a\0b", "mp3"), ("abc", "")],
)
def test_names_never_leave_the_folder(tmp_path: Path, file_id: str, file_type: str) -> None:
    with pytest.raises(AudioMissingError, match="cannot be the name of a stored file"):
        LocalAudioStore(tmp_path).open(file_id, file_type)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AudioMissingError, match=r"abc\.mp3 is not in the store"):
        LocalAudioStore(tmp_path).locate("abc", "mp3")
