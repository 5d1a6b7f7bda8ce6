"""What every store does, whichever it is."""

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from services.audio_store import AudioMissingError, AudioStore, LocalAudioStore, Recording
from tests.services.audio_store.conftest import Reading

CONTENT = np.random.default_rng(7).bytes(300_000)
UNSAFE = [("../../etc/passwd", "mp3"), ("abc", "../mp3"), ("", "mp3"), ("a/b", "mp3"), ("a\0b", "mp3"), ("abc", "")]


class Interrupted(io.BytesIO):
    """Gives something, and then breaks off."""

    def read(self, size: int | None = -1) -> bytes:
        """Some bytes, then an error."""
        if self.tell():
            raise ConnectionError("the sender went away")
        return super().read(3 if size else size)


def contents(store: AudioStore) -> dict[str, bytes]:
    found = {}
    for stored in store.files():
        with store.open(stored.file_id, stored.file_type) as audio:
            found[f"{stored.file_id}.{stored.file_type}"] = audio.read()
    return found


def test_the_id_is_the_sha256_of_the_content(store: AudioStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)  # a server tells whole seconds
    stored = store.put(io.BytesIO(CONTENT), "flac")
    assert (stored.file_id, stored.file_type, stored.size) == (hashlib.sha256(CONTENT).hexdigest(), "flac", 300_000)
    assert before <= stored.stored_at <= datetime.now(UTC)
    assert store.locate(stored.file_id, "flac") == stored
    assert contents(store) == {f"{stored.file_id}.flac": CONTENT}


@pytest.mark.parametrize("size", [0, 12_000_000])
def test_empty_and_large_files(store: AudioStore, size: int) -> None:
    content = bytes(size)
    stored = store.put(io.BytesIO(content), "wav")
    assert stored.size == size
    with store.open(stored.file_id, "wav") as audio:
        assert audio.read() == content


def test_what_was_read_of_a_source_is_left_out(store: AudioStore) -> None:
    source = io.BytesIO(b"headsound")
    source.seek(4)
    assert store.put(source, "mp3").file_id == hashlib.sha256(b"sound").hexdigest()


def test_the_same_content_is_kept_once_and_is_new_again(store: AudioStore) -> None:
    first = store.put(io.BytesIO(CONTENT), "mp3")
    listed = {stored.file_id: stored.stored_at for stored in store.files()}
    assert listed == {first.file_id: first.stored_at}
    deadline = datetime.now(UTC) + timedelta(seconds=5)
    while (second := store.put(io.BytesIO(CONTENT), "mp3")).stored_at == first.stored_at:
        assert datetime.now(UTC) < deadline
    assert second.file_id == first.file_id
    assert second.stored_at > first.stored_at
    assert list(contents(store).values()) == [CONTENT]


def test_the_same_content_from_many_at_once(store: AudioStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(lambda _: store.put(io.BytesIO(CONTENT), "mp3"), range(16)))
    assert len({one.file_id for one in stored}) == 1
    assert list(contents(store).values()) == [CONTENT]


def test_a_staged_file_is_found_when_it_is_kept(store: AudioStore) -> None:
    with store.stage(io.BytesIO(CONTENT), "mp3") as staged:
        assert staged.file_id == hashlib.sha256(CONTENT).hexdigest()
        assert list(store.files()) == []
        with pytest.raises(AudioMissingError):
            store.locate(staged.file_id, "mp3")
        stored = staged.keep()
    assert store.locate(staged.file_id, "mp3") == stored
    assert contents(store) == {f"{staged.file_id}.mp3": CONTENT}


def test_a_staged_file_that_is_not_kept_leaves_nothing(store: AudioStore) -> None:
    with pytest.raises(LookupError), store.stage(io.BytesIO(CONTENT), "mp3"):
        raise LookupError
    assert list(store.files()) == []
    assert store.remove_unfinished(datetime.now(UTC) + timedelta(hours=1)) == 0


def test_a_staged_file_that_was_read_in_part_before(store: AudioStore) -> None:
    source = io.BytesIO(b"headsound")
    source.seek(4)
    with store.stage(source, "mp3") as staged:
        staged.keep()
    assert contents(store) == {f"{hashlib.sha256(b'sound').hexdigest()}.mp3": b"sound"}


def test_an_interrupted_upload_leaves_nothing(store: AudioStore) -> None:
    with pytest.raises(ConnectionError):
        store.put(Interrupted(b"abcdef"), "mp3")
    assert list(store.files()) == []
    assert store.remove_unfinished(datetime.now(UTC) + timedelta(hours=1)) == 0


@pytest.mark.parametrize("file_type", ["", "../mp3", "mp3?", "m p"])
def test_a_type_that_is_no_extension(store: AudioStore, file_type: str) -> None:
    with pytest.raises(ValueError, match="file_type"):
        store.put(io.BytesIO(CONTENT), file_type)
    assert list(store.files()) == []


def test_removing(store: AudioStore) -> None:
    kept, removed = (store.put(io.BytesIO(content), "ogg") for content in (b"kept", b"removed"))
    assert store.remove(removed.file_id, "ogg")
    assert not store.remove(removed.file_id, "ogg")
    assert not store.remove(kept.file_id, "mp3")
    assert list(contents(store).values()) == [b"kept"]
    for name in UNSAFE:
        assert not store.remove(*name)


@pytest.mark.parametrize("name", UNSAFE)
def test_names_from_the_database_that_are_no_names(reading: Reading, name: tuple[str, str]) -> None:
    for look in (reading.store.locate, reading.store.open):
        with pytest.raises(AudioMissingError, match="cannot be the name of a stored file"):
            look(*name)


def test_a_missing_file(reading: Reading) -> None:
    file_id = reading.keep(CONTENT, "mp3")
    for name in (("abc", "mp3"), (file_id, "flac")):
        for look in (reading.store.locate, reading.store.open):
            with pytest.raises(AudioMissingError, match="is not in the store"):
                look(*name)


def test_reading_anywhere_equals_the_file(reading: Reading) -> None:
    content = np.random.default_rng(3).bytes(2_500_000)
    chance = np.random.default_rng(5)
    with Recording(reading.store, reading.keep(content, "mp3"), "mp3").open() as audio:
        assert audio.seekable()
        assert audio.read(10) == content[:10]
        for _ in range(40):
            start, size = int(chance.integers(len(content) + 1000)), int(chance.choice([1, 4096, 700_000]))
            assert audio.seek(start) == start
            assert audio.read(size) == content[start : start + size]
        assert audio.seek(-7, io.SEEK_END) == len(content) - 7
        assert (audio.read(), audio.read(1), audio.tell()) == (content[-7:], b"", len(content))
        audio.seek(1)
        target = bytearray(100)
        audio.readinto(target)  # type: ignore[attr-defined]  # typing.BinaryIO leaves it out, files have it
        assert target == content[1:101]


def test_only_what_is_read_is_fetched(reading: Reading) -> None:
    content = np.random.default_rng(9).bytes(5_000_000)
    file_id = reading.keep(content, "mp3")
    before = reading.received()
    with reading.store.open(file_id, "mp3") as audio:
        assert audio.read(65_536) == content[:65_536]
    if not isinstance(reading.store, LocalAudioStore):
        assert 65_536 <= reading.received() - before < 600_000


def test_a_file_is_read_by_many_at_once(reading: Reading) -> None:
    file_id = reading.keep(CONTENT, "mp3")

    def read(_: int) -> bytes:
        with reading.store.open(file_id, "mp3") as audio:
            return audio.read()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(16))) == {CONTENT}


@pytest.mark.parametrize(
    "address",
    ["https://elsewhere.example/audio/x.mp3", "file:///etc/passwd", "not an address", "", "http://[", "//x/y"],
)
def test_addresses_elsewhere_are_ignored(reading: Reading, address: str) -> None:
    file_id = reading.keep(CONTENT, "mp3")
    assert reading.store.locate(file_id, "mp3", address=address).size == len(CONTENT)
    opened: Callable[..., object] = reading.store.open
    with pytest.raises(AudioMissingError):
        opened("0" * 64, "mp3", address=address)
