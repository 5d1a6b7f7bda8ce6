"""Vectors of clips that people send, a few at a time."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from threading import BoundedSemaphore

from numpy import float32
from numpy.typing import NDArray

from app.search.serving_model import ServingModel
from models.audio.abandonment import Abandonment
from models.audio.decoding import AudioError

_log = logging.getLogger(__name__)


class BusyError(Exception):
    """As many clips as are allowed are being embedded."""


@dataclass(frozen=True)
class ClipVector:
    """What a clip sounds like.

    Attributes:
        vector: Shape (dimensions,).
        identity: The model that made it.
    """

    vector: NDArray[float32]
    identity: str


class ClipReader:
    """Decodes and embeds clips in threads of its own, so that searches by text never wait behind them.

    Args:
        serving: The model that makes vectors of audio.
        max_seconds: How much of a clip is embedded, from its start, in seconds.
        concurrency: Clips at the same time.
        deadline_seconds: How long a caller waits. Then the clip's decoder is ended; a model under way is not, and keeps
            its place until it is done.
    """

    def __init__(self, serving: ServingModel, *, max_seconds: float, concurrency: int, deadline_seconds: float) -> None:
        self._serving = serving
        self._max_seconds = max_seconds
        self._deadline_seconds = deadline_seconds
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="clip")
        self._places = BoundedSemaphore(concurrency)

    async def embed(self, clip: bytes) -> ClipVector | None:
        """The vector of a clip, or None when there is no model, or none in time.

        Args:
            clip: A whole audio file.

        Raises:
            BusyError: All places are taken.
            models.audio.decoding.AudioError: The file cannot be decoded; the message says why.
        """
        embedding = self._serving.provider
        if embedding is None:
            return None
        if not self._places.acquire(blocking=False):
            raise BusyError
        abandonment = Abandonment()
        work = partial(embedding.embed_audio, BytesIO(clip), max_seconds=self._max_seconds)
        future = self._threads.submit(abandonment.run, work)
        future.add_done_callback(lambda _: self._places.release())
        try:
            with abandonment:
                vector = await asyncio.wait_for(asyncio.wrap_future(future), self._deadline_seconds)
            return ClipVector(vector, embedding.card.identity)
        except AudioError:
            raise
        except TimeoutError:
            _log.warning("no vector of a clip within %.1f s", self._deadline_seconds)
        except Exception:  # noqa: BLE001 - a model that fails is one that is not available
            _log.exception("the embedding provider failed on a clip")
        return None

    def close(self) -> None:
        """Take no more clips; those under way are finished in the background."""
        self._threads.shutdown(wait=False, cancel_futures=True)
