"""Something large that is loaded when it is first needed, and dropped when nobody has needed it for a while."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

Resource = TypeVar("Resource")


class LoadedOnDemand(Generic[Resource]):
    """Loads once, however many threads ask at once; a failure is not kept, and the next to ask tries again.

    Args:
        load: Makes the resource.
        idle_seconds: It is dropped after so long without use; 0 keeps it.
    """

    def __init__(self, load: Callable[[], Resource], idle_seconds: float) -> None:
        self._load = load
        self._idle_seconds = idle_seconds
        self._lock = Lock()
        self._resource: Resource | None = None
        self._users = 0
        self._timer: Timer | None = None

    @property
    def loaded(self) -> bool:
        """Whether it is there now."""
        return self._resource is not None

    @contextmanager
    def use(self) -> Iterator[Resource]:
        """The resource, which stays while the block runs.

        Raises:
            Exception: Whatever loading raises.
        """
        resource = self._begin()
        try:
            yield resource
        finally:
            self._end()

    def _begin(self) -> Resource:
        with self._lock:
            if self._resource is None:
                self._resource = self._load()
            self._users += 1
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return self._resource

    def _end(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._idle_seconds > 0:
                timer = Timer(self._idle_seconds, lambda: self._drop(timer))
                timer.daemon = True
                self._timer = timer
                timer.start()

    def _drop(self, timer: Timer) -> None:
        with self._lock:
            # between the timer's end and this lock somebody may have begun again, or even have ended
            if self._timer is timer:
                self._resource = self._timer = None
