"""What is expensive to find out, and asked for by many."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from app.cancellation import end_task

Found = TypeVar("Found")


class Recent(Generic[Found]):
    """Finds something out once for all who ask at the same time, and again when it is older than allowed.

    Args:
        find: Finds it out. An error is what was found, too.
        seconds: How old an answer may be.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        find: Callable[[], Coroutine[Any, Any, Found]],
        *,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._seconds = seconds
        self._clock = clock
        self._task: asyncio.Task[Found] | None = None
        self._found_at = float("-inf")

    async def get(self) -> Found:
        """What was found; an asker that is cancelled leaves the others their answer."""
        task = self._task
        if task is None or (task.done() and self._clock() - self._found_at >= self._seconds):
            task = self._task = asyncio.create_task(self._find_once())
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what is under way; who waits for it is cancelled."""
        if self._task is not None:
            await end_task(self._task)

    async def _find_once(self) -> Found:
        try:
            return await self._find()
        finally:
            self._found_at = self._clock()
