"""One computation for all who ask at the same time: its result may be some seconds old, or must be fresh."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from app.cancellation import end_task

Result = TypeVar("Result")


class RecentResult(Generic[Result]):
    """Finds something out once for all who ask at the same time, and again when it is older than allowed.

    Args:
        find: Finds it out. An error is what was found, too.
        seconds: How old an answer may be.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        find: Callable[[], Coroutine[Any, Any, Result]],
        *,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._seconds = seconds
        self._clock = clock
        self._task: asyncio.Task[Result] | None = None
        self._found_at = float("-inf")

    async def get(self) -> Result:
        """What was found; an asker that is cancelled leaves the others their answer."""
        task = self._task
        if task is None or (task.done() and self._clock() - self._found_at >= self._seconds):
            task = self._task = asyncio.create_task(self._find_once())
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what is under way; who waits for it is cancelled."""
        if self._task is not None:
            await end_task(self._task)

    async def _find_once(self) -> Result:
        try:
            return await self._find()
        finally:
            self._found_at = self._clock()


class FreshResult(Generic[Result]):
    """Runs a computation one at a time, and gives each asker the result of a run that began after the question.

    So an asker never gets what was true before it asked, and any number of askers wait for two runs at most.

    Args:
        compute: The computation.
    """

    def __init__(self, compute: Callable[[], Awaitable[Result]]) -> None:
        self._compute = compute
        self._running: asyncio.Task[Result] | None = None
        self._next: asyncio.Task[Result] | None = None

    async def result(self) -> Result:
        """The result of the next run; errors of the run are raised to all who wait for it."""
        if self._next is None:
            self._next = asyncio.create_task(self._run(self._running))
            # an error is none of the loop's business when all who asked have gone
            self._next.add_done_callback(lambda task: task.cancelled() or task.exception())
        # one who goes away does not end it for the others
        return await asyncio.shield(self._next)

    async def close(self) -> None:
        """End the run that is under way, and the next one; those who wait for them are cancelled."""
        for task in (self._next, self._running):
            if task is not None:
                await end_task(task)

    async def _run(self, before: "asyncio.Task[Result] | None") -> Result:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        return await self._compute()
