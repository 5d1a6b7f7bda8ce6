"""Audio on its way from a request into the store."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from app.database import Database
from app.errors import is_disk_full
from models.audio.abandonment import Abandonment
from models.audio.decoding import DecoderLimits, identify
from services.audio_store import AudioStore, StagedAudio, StoredAudio


class StoreFullError(Exception):
    """The audio store has no room for the file."""


@dataclass(frozen=True)
class ReceivedAudio:
    """Audio that lies in the store, and that a track may use.

    Attributes:
        file_id: sha-256 of the file in hexadecimal.
        file_type: What it is by its content.
        url: Public address of the file, where the store has one.
    """

    file_id: str
    file_type: str
    url: str | None


class AudioIntake:
    """Looks at uploaded files, and puts them into the store; a few at a time, the others wait.

    A row of search.stored_audio is written before the file gets its name in the store: whatever happens then, the file
    is used by a track or is removed after a while.

    Args:
        database: The database.
        store: Where the files go.
        limits: What decoding the beginning of a file may take.
        concurrency: Files at the same time.
    """

    def __init__(self, database: Database, store: AudioStore, *, limits: DecoderLimits, concurrency: int) -> None:
        self._database = database
        self._store = store
        self._limits = limits
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="upload")

    async def receive(self, source: BinaryIO) -> ReceivedAudio:
        """Store a file that is audio.

        Args:
            source: The whole file, seekable.

        Raises:
            models.audio.decoding.AudioError: It is none; the message says why.
            services.audio_store.ReadOnlyStoreError: The store takes no files.
            StoreFullError: It has no room.
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        file_type, staged = await self._examine_in_thread(source)
        with staged:
            # in a transaction, which waits for locks no longer than the database allows
            async with self._database.transaction() as transaction:
                await transaction.execute("register_audio", {"file_id": staged.file_id, "file_type": file_type})
            stored = await asyncio.get_running_loop().run_in_executor(self._threads, _keep, staged)
        return ReceivedAudio(stored.file_id, file_type, stored.url)

    def close(self) -> None:
        """Take no more files; those under way are finished in the background."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _examine_in_thread(self, source: BinaryIO) -> tuple[str, StagedAudio]:
        """As `_examine`; when the caller gives up, the decoder is ended and nothing stays in the store."""
        with Abandonment() as abandonment:
            examining = self._threads.submit(abandonment.run, self._examine, source)
            try:
                return await asyncio.wrap_future(examining)
            except asyncio.CancelledError:
                examining.add_done_callback(_discard)
                raise

    def _examine(self, source: BinaryIO) -> tuple[str, StagedAudio]:
        """Type of a file that is audio, and the file as the store has read it."""
        file_type = identify(source, limits=self._limits).file_type
        source.seek(0)
        with _needing_room():
            return file_type, self._store.stage(source, file_type)


def _discard(examined: "Future[tuple[str, StagedAudio]]") -> None:
    """Remove what was read of a file that is wanted no more."""
    if not examined.cancelled() and examined.exception() is None:
        with examined.result()[1]:
            pass


def _keep(staged: StagedAudio) -> StoredAudio:
    with _needing_room():
        return staged.keep()


@contextmanager
def _needing_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise StoreFullError from error
        raise
