"""Leaving a service alone that does not answer.

Libraries that were looked at do not fit a service that is asked by many threads: pybreaker holds its lock for as long
as a call takes, so that calls go one by one, and circuitbreaker lets every caller through at once when it tries again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final
from weakref import WeakSet

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.metrics import PROCESS


class CircuitOpenError(RuntimeError):
    """The service has failed too often to be asked at the moment."""


class CircuitBreaker:
    """Refuses calls after failures in a row, then lets one through at a time to see whether they are over.

    Args:
        service: What is asked, as the metric `vibe_search_circuit_open` names it.
        failures: So many in a row open it.
        open_seconds: How long it stays open before one call is let through.
        clock: Seconds that never go back.
    """

    def __init__(
        self, service: str, *, failures: int, open_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.service = service
        self._most = failures
        self._open_seconds = open_seconds
        self._clock = clock
        self._lock = Lock()
        self._failed = 0
        self._retry_at = 0.0
        self._trying = False
        _states.watch(self)

    @contextmanager
    def call(self, *failures: type[Exception]) -> Iterator[None]:
        """Run the block, unless it is open.

        Args:
            failures: Exceptions that speak against the service. Others, and none, speak for it: it has answered.

        Raises:
            CircuitOpenError: It is open.
        """
        self._enter()
        try:
            yield
        except failures:
            self._leave(failed=True)
            raise
        except BaseException:
            self._leave(failed=False)
            raise
        self._leave(failed=False)

    @property
    def is_open(self) -> bool:
        """Whether the next call would be refused."""
        with self._lock:
            return self._refuses()

    @property
    def is_failing(self) -> bool:
        """Whether it has opened, and no call has succeeded since."""
        with self._lock:
            return self._failed >= self._most

    def _refuses(self) -> bool:
        return self._failed >= self._most and (self._trying or self._clock() < self._retry_at)

    def _enter(self) -> None:
        with self._lock:
            if self._refuses():
                raise CircuitOpenError(f"it failed {self._failed} times in a row and is left alone for a while")
            self._trying = self._failed >= self._most

    def _leave(self, *, failed: bool) -> None:
        with self._lock:
            self._trying = False
            self._failed = self._failed + 1 if failed else 0
            if self._failed >= self._most:
                self._retry_at = self._clock() + self._open_seconds


class _States(Collector):
    """Which circuits are open, of all breakers that are in use when somebody asks."""

    def __init__(self) -> None:
        self._breakers: WeakSet[CircuitBreaker] = WeakSet()
        self._lock = Lock()

    def watch(self, breaker: CircuitBreaker) -> None:
        """Tell of one for as long as it exists."""
        with self._lock:
            self._breakers.add(breaker)

    def collect(self) -> Iterator[Metric]:
        """The metric."""
        found = GaugeMetricFamily(
            "vibe_search_circuit_open", "1 while a service is left alone, because it fails.", labels=["service"]
        )
        with self._lock:
            breakers = list(self._breakers)
        for service in sorted({breaker.service for breaker in breakers}):
            found.add_metric([service], any(one.is_failing for one in breakers if one.service == service))
        yield found


_states: Final = _States()
PROCESS.register(_states)
