"""Answers that are kept for seconds, and asked for once by all who want the same."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable


class RecentAnswers:
    """Keeps answers by key, the latest only. Used on one event loop.

    An error is not kept. An asker that is cancelled leaves the others their answer.

    Args:
        seconds: How long an answer is kept.
        size: How many are kept.
        clock: Seconds that never go back.
    """

    def __init__(self, *, seconds: float, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._size = size
        self._clock = clock
        self._kept: OrderedDict[bytes, tuple[float, str | None]] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[str | None]] = {}

    async def get(self, key: bytes, ask: Callable[[], Awaitable[str | None]]) -> str | None:
        """The answer that is kept for a key, or a new one.

        Args:
            key: What the answer belongs to.
            ask: Finds it out; its errors go to all who wait for it.
        """
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept[0]:
            return kept[1]
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(key, ask))
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what is under way; those who wait for it are cancelled."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _ask(self, key: bytes, ask: Callable[[], Awaitable[str | None]]) -> str | None:
        # its age counts from the question: what the application said may have changed since
        until = self._clock() + self._seconds
        answer = await ask()
        self._kept.pop(key, None)
        self._kept[key] = (until, answer)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return answer

    def _forget(self, key: bytes, done: "asyncio.Task[str | None]") -> None:
        del self._asking[key]
        # read, because all who asked may have gone; asyncio reports an error that is never read
        if not done.cancelled():
            done.exception()
