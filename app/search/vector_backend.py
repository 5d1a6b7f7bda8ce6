"""Who finds the tracks nearest to a vector: Postgres alone, or with candidates from the mirror."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from numpy import float32
from numpy.typing import NDArray

from app.database import Database
from app.mirror import read_namespaces
from services.breaker import CircuitBreaker, CircuitOpenError
from services.vector_mirror import MirrorError, VectorMirror

_log = logging.getLogger(__name__)

SPARE = 100
"""Candidates that are asked for beside those that are wanted: some may not be listed any more. Where that is not enough
Postgres looks by itself, so no page is short for it."""

_FAILURES_IN_A_ROW = 5
_OPEN_SECONDS = 10.0
_LOOK_SECONDS = 5.0
"""How long it is believed which namespace serves; a search that believes it too long is answered by Postgres."""


@dataclass(frozen=True)
class Candidates:
    """What the mirror says is nearest. Which of it may be shown, and in what order, Postgres decides.

    Attributes:
        namespace: Where they are from.
        track_ids: Their ids.
    """

    namespace: str
    track_ids: list[int]


class MirrorBackend:
    """Asks the mirror for candidates, within a deadline, and leaves it alone while it fails.

    Args:
        database: The database, which knows which namespace serves.
        mirror: The mirror.
        deadline_seconds: How long a search waits for it.
        max_lag: How far it may be behind; the statement of the search looks.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        database: Database,
        mirror: VectorMirror,
        *,
        deadline_seconds: float,
        max_lag: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._mirror = mirror
        self._deadline_seconds = deadline_seconds
        self._clock = clock
        self._breaker = CircuitBreaker(
            mirror.name, failures=_FAILURES_IN_A_ROW, open_seconds=_OPEN_SECONDS, clock=clock
        )
        self._namespaces: dict[str, str] = {}
        self._looked_at = float("-inf")
        self.max_lag = max_lag
        self.name = mirror.name

    async def find(self, vector: NDArray[float32], identity: str, count: int) -> Candidates | None:
        """Tracks near to a vector of a model; None where the mirror has none, does not answer, or fails.

        Raises:
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        namespace = await self._namespace_of(identity)
        if namespace is None:
            return None
        try:
            with self._breaker.call(Exception):
                async with asyncio.timeout(self._deadline_seconds):
                    found = await self._mirror.nearest(namespace, vector, count + SPARE, model=identity)
        except CircuitOpenError:
            return None
        except TimeoutError:
            _log.warning(
                "%s has not answered within %.3f s: Postgres finds the tracks", self.name, self._deadline_seconds
            )
            return None
        except MirrorError as error:
            _log.warning("%s: Postgres finds the tracks", error)
            return None
        except Exception:  # noqa: BLE001 - whatever the mirror answers, a search goes on
            _log.exception("what %s answers cannot be read: Postgres finds the tracks", self.name)
            return None
        return Candidates(namespace, [neighbour.track_id for neighbour in found])

    async def _namespace_of(self, identity: str) -> str | None:
        if self._clock() - self._looked_at > _LOOK_SECONDS:
            found = await read_namespaces(self._database)
            self._namespaces = {str(one.identity): one.name for one in found if one.state == "serving"}
            self._looked_at = self._clock()
        return self._namespaces.get(identity)
