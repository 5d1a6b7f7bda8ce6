"""Ending tasks in the middle of their work, so that they can leave it in order."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def run_cancellable(work: Coroutine[Any, Any, Result], *, seconds: float | None = None) -> Result:
    """The result of work that is cancelled when its time is over, or when its caller is cancelled.

    The work has a task of its own, which is cancelled once and then waited for. psycopg needs this: when its task is
    cancelled it cancels the statement on the server, and a second cancellation meanwhile would leave the statement
    running. Cancel scopes of anyio cancel again and again; so do a deadline and a client that goes away together.

    Args:
        work: The work.
        seconds: How long it may take; None for any time.

    Raises:
        TimeoutError: It has taken longer.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        await end_task(task)
        raise
    if not done:
        await end_task(task)
        if task.cancelled():
            raise TimeoutError
    return task.result()


async def end_task(task: asyncio.Task[Any]) -> None:
    """Cancel a task once, and wait until it has ended, even if the caller is cancelled meanwhile.

    The task's error, if it has one, is left for who asks for its result.

    Raises:
        asyncio.CancelledError: The caller was cancelled meanwhile; the task has ended.
    """
    task.cancel()
    interruption: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            interruption = error
    if not task.cancelled():
        # asked for here, so that asyncio does not report an error that is of no use any more
        task.exception()
    if interruption is not None:
        raise interruption
