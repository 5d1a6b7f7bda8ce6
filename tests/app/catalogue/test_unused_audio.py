"""Removing audio that no track uses."""

import asyncio
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.catalogue.unused_audio import sweep
from app.database import Database
from services.audio_store import AudioStore, LocalAudioStore
from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]


@pytest.fixture
def store(tmp_path: Path) -> LocalAudioStore:
    return LocalAudioStore(tmp_path / "audio")


def put(connection: Connection, store: AudioStore, content: bytes) -> str:
    """As an upload does."""
    file_id = store.put(io.BytesIO(content), "mp3").file_id
    connection.execute("insert into search.stored_audio (file_id, file_type) values (%s, 'mp3')", [file_id])
    return file_id


def run(database: str, store: AudioStore, *, hours: float = 0) -> int:
    async def once() -> int:
        async with Database.open(database, pool_size=1) as opened:
            return await sweep(opened, store, timedelta(hours=hours))

    return asyncio.run(once())


def left(store: AudioStore) -> set[str]:
    return {file.file_id for file in store.files()}


def test_only_uploads_without_a_track_are_removed(
    database: str, catalogue: Catalogue, connection: Connection, store: LocalAudioStore
) -> None:
    used, deleted, broken_off = (put(connection, store, content) for content in (b"1", b"2", b"3"))
    foreign = store.put(io.BytesIO(b"4"), "mp3").file_id
    catalogue.track("Used", file_id=used)
    track = catalogue.track("Deleted", file_id=deleted)
    connection.execute("delete from tracks where id = %s", [track])
    assert run(database, store, hours=1) == 0
    assert left(store) == {used, deleted, broken_off, foreign}
    assert run(database, store) == 2
    assert left(store) == {used, foreign}
    assert connection.execute("select file_id from search.stored_audio").fetchall() == [(used,)]


def test_a_file_that_was_never_written_is_no_obstacle(
    database: str, connection: Connection, store: LocalAudioStore
) -> None:
    connection.execute("insert into search.stored_audio (file_id, file_type) values ('x', 'mp3')")
    assert run(database, store) == 1
    assert connection.execute("select count(*) from search.stored_audio").fetchone() == (0,)


def test_a_store_that_fails_keeps_the_row_for_the_next_time(
    database: str, connection: Connection, store: LocalAudioStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = put(connection, store, b"1")

    def fail(*_: str) -> bool:
        raise ConnectionError("the store is away")

    with monkeypatch.context() as patched:
        patched.setattr(store, "remove", fail)
        with pytest.raises(ConnectionError):
            run(database, store)
    assert left(store) == {file_id}
    assert run(database, store) == 1


def test_two_sweeps_at_once_share_the_work(database: str, connection: Connection, store: LocalAudioStore) -> None:
    for number in range(10):
        put(connection, store, bytes([number]))

    async def both() -> list[int]:
        async with Database.open(database, pool_size=1) as one, Database.open(database, pool_size=1) as other:
            return await asyncio.gather(*(sweep(opened, store, timedelta(0)) for opened in (one, other)))

    assert sum(asyncio.run(both())) == 10
    assert left(store) == set()
