"""Sharing one computation between callers that ask for it at about the same time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Result = TypeVar("Result")


class RecentResults(Generic[Result]):
    """Keeps the results that were asked for last; whoever asks for one that is being computed waits for it.

    A track's embedding and its genres are two jobs that may run in any order, in any threads, and need the
    same forward pass. A computation that fails is not kept. Safe to use from several threads.

    Args:
        size: How many results are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._results: OrderedDict[bytes, Future[Result]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: bytes, compute: Callable[[], Result]) -> Result:
        """The result for a key, computed by the first caller.

        Raises:
            Exception: Whatever ``compute`` raised, to all who waited for it.
        """
        with self._lock:
            future = self._results.get(key)
            first = future is None
            if future is not None:
                self._results.move_to_end(key)
            if future is None:
                future = self._results[key] = Future()
                while len(self._results) > self._size:
                    self._results.popitem(last=False)
        if first:
            try:
                future.set_result(compute())
            except BaseException as error:
                with self._lock:
                    self._results.pop(key, None)
                future.set_exception(error)
                raise
        return future.result()
