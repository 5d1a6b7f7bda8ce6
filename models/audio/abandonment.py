"""Ending the decoding that a thread waits for, when its result is needed no more.

A thread cannot be interrupted. What it waits for can: the process that decodes.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, ParamSpec, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class AbandonedError(RuntimeError):
    """The caller needs the result no more: the decoder was ended."""


class Killable(Protocol):
    """A process that works for a caller."""

    def kill(self) -> None:
        """End it; called from any thread, and perhaps after its end."""


class Abandonment:
    """Ends the decoders of work that runs in another thread. A context manager that does so at its end.

    `with Abandonment() as abandonment: await asyncio.to_thread(abandonment.run, work)` ends them when the task is
    cancelled.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._abandoned = False
        self._working: list[Killable] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()

    @property
    def abandoned(self) -> bool:
        """Whether the work is needed no more."""
        return self._abandoned

    def abandon(self) -> None:
        """End the decoders that work for the caller, and let no other begin. Safe in any thread."""
        with self._lock:
            self._abandoned = True
            for process in self._working:
                process.kill()

    def run(
        self, work: Callable[_Arguments, _Result], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> _Result:
        """Do work whose decoders can be ended.

        Raises:
            AbandonedError: They were ended, in the middle or before they began.
            Exception: Whatever the work raises.
        """
        token = _current.set(self)
        try:
            return work(*arguments, **named)
        finally:
            _current.reset(token)

    @contextmanager
    def covering(self, process: Killable) -> Iterator[None]:
        """End this process too, if the work is abandoned before the block ends.

        Raises:
            AbandonedError: It was abandoned before, or while the block failed.
        """
        with self._lock:
            if self._abandoned:
                raise AbandonedError("the result is needed no more")
            self._working.append(process)
        try:
            yield
        except Exception as error:
            if self._abandoned:
                raise AbandonedError("the result is needed no more") from error
            raise
        finally:
            with self._lock:
                self._working.remove(process)


def current_abandonment() -> Abandonment:
    """The one that the work of this thread runs in; one that nothing abandons where there is none."""
    return _current.get() or Abandonment()


_current: ContextVar[Abandonment | None] = ContextVar("abandonment", default=None)
