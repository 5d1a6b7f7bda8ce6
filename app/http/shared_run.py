"""One computation for all who ask at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from app.cancellation import end_task

Result = TypeVar("Result")


class SharedRun(Generic[Result]):
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
