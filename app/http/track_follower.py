"""Following tracks while they are processed: one statement for all who wait.

The database is polled. LISTEN and NOTIFY would tell sooner, and do not work behind a pooler that gives a connection
away after each transaction.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.exc import DBAPIError

from app.catalogue import Asked, TrackRecord, read_tracks
from app.database import Database
from app.errors import DatabaseUnavailableError
from services.metrics import STREAM_POLLS

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.3
_IDLE_SHARE = 4
"""A poll that takes long is followed by a pause of so many times its length."""


class FollowedTrack:
    """What one listener waits for.

    Args:
        track: The track as the listener knows it.
    """

    def __init__(self, track: TrackRecord) -> None:
        self._latest: TrackRecord | None = track
        self._changed = asyncio.Event()

    async def change(self) -> TrackRecord | None:
        """The track once its processing has changed; None once it is gone, or hidden from the viewer.

        Changes that come faster than they are asked for are left out, except the last.
        """
        await self._changed.wait()
        self._changed.clear()
        return self._latest

    def tell(self, track: TrackRecord | None) -> None:
        """Say how the track is now."""
        if _progress(track) != _progress(self._latest):
            self._latest = track
            self._changed.set()


class TrackFollower:
    """Polls the tracks that are listened to, each once, in one statement; stops polling without listeners.

    Args:
        database: Where tracks are read. One connection is enough.
        look_seconds: Between two polls.
    """

    def __init__(self, database: Database, look_seconds: float = _LOOK_SECONDS) -> None:
        self._database = database
        self._look_seconds = look_seconds
        self._listeners: defaultdict[Asked, set[FollowedTrack]] = defaultdict(set)
        self._polling: asyncio.Task[None] | None = None

    @property
    def polling(self) -> bool:
        """Whether the database is polled at the moment."""
        return self._polling is not None and not self._polling.done()

    @contextmanager
    def follow(self, track: TrackRecord, viewer: str | None) -> Iterator[FollowedTrack]:
        """Listen to a track for the time of a block.

        Args:
            track: The track as the listener knows it.
            viewer: DID of who listens; None where that is not known. Once the viewer may not see the track, it is gone.
        """
        asked, listener = (track.id, viewer), FollowedTrack(track)
        self._listeners[asked].add(listener)
        if not self.polling:
            self._polling = asyncio.create_task(self._poll())
        try:
            yield listener
        finally:
            self._listeners[asked].discard(listener)
            if not self._listeners[asked]:
                del self._listeners[asked]

    async def close(self) -> None:
        """Stop polling, and wait until the connection is given back."""
        if self._polling is not None:
            self._polling.cancel()
            with suppress(asyncio.CancelledError):
                await self._polling

    async def _poll(self) -> None:
        pause = self._look_seconds
        while self._listeners:
            await asyncio.sleep(pause)
            began = time.monotonic()
            try:
                await self._look()
            # the answers have begun, and a status cannot be sent any more: what was known stays true until it is back
            except DatabaseUnavailableError:
                _log.debug("Postgres cannot be asked about the tracks that are followed")
            except DBAPIError as error:
                _log.warning("the tracks that are followed cannot be read: %s", type(error.orig).__name__)
            except Exception:  # noqa: BLE001 - whatever it was, the next poll may succeed, and listeners wait for one
                _log.exception("the tracks that are followed cannot be read")
            pause = max(self._look_seconds, _IDLE_SHARE * (time.monotonic() - began))

    async def _look(self) -> None:
        asked = list(self._listeners)
        STREAM_POLLS.inc()
        found = await read_tracks(self._database, asked)
        for pair in asked:
            track = found.get(pair)
            # the listeners may have changed while the statement ran
            for listener in self._listeners.get(pair, ()):
                listener.tell(track if track is not None and track.visible else None)


def _progress(track: TrackRecord | None) -> object:
    return None if track is None else (track.file_id, track.tasks)
