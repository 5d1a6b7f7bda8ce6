"""How many streams of events are open at the same time."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Scope

from app.http.client_address import Network, count_under


class StreamsFullError(Exception):
    """There is no place for another stream.

    Attributes:
        of_address: Whether the address has too many streams, and not the process.
    """

    def __init__(self, *, of_address: bool) -> None:
        super().__init__("too many streams are open" + (" from this address" if of_address else ""))
        self.of_address = of_address


class StreamPlaces:
    """The places of a process, of which one address may take a share.

    Args:
        total: Streams at the same time.
        per_address: Streams of one address at the same time.
        exempt: Networks whose clients' streams only count in all.
    """

    def __init__(self, total: int, per_address: int, exempt: tuple[Network, ...] = ()) -> None:
        self._total = total
        self._per_address = per_address
        self._exempt = exempt
        self._taken: Counter[str | None] = Counter()

    @contextmanager
    def take(self, scope: Scope) -> Iterator[None]:
        """Hold a place for the time of a block.

        Args:
            scope: Of the request that opens the stream.

        Raises:
            StreamsFullError: All places are taken, or the address has its share.
        """
        address = count_under(scope, self._exempt)
        if self._taken.total() >= self._total:
            raise StreamsFullError(of_address=False)
        if address is not None and self._taken[address] >= self._per_address:
            raise StreamsFullError(of_address=True)
        self._taken[address] += 1
        try:
            yield
        finally:
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]
