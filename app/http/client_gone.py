"""Ending work whose client has gone."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import HTTPException, Request

_Result = TypeVar("_Result")

CLIENT_GONE = 499
"""What the log and the figures say, as those of nginx do; the client does not get it."""


async def while_connected(request: Request, work: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of work that is cancelled when the client goes away.

    Args:
        request: One whose body has been read.
        work: What the client waits for.

    Raises:
        HTTPException: 499, the client has gone.
        Exception: Whatever the work raises.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HTTPException(CLIENT_GONE, "the client has gone")
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
