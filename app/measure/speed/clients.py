"""Clients that run the mix: each is a process of its own, so that they share nothing but the server.

The contenders take turns block by block. A minute in which the machine is slow then hits all of them.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Self

from app.measure.speed.contenders import Contender
from app.measure.speed.queries import Query
from app.measure.speed.stages import Stages

BLOCK = 50
"""Queries that a contender runs before the next one does."""

WARM_UP = 8
"""Queries that each client runs before the first is timed; the statement is a prepared one by then."""


@dataclass
class Runs:
    """Times of one contender with one number of clients.

    Attributes:
        contender: Its name.
        clients: How many at once.
        milliseconds: Of each query, by its kind.
        seconds: During which they ran.
    """

    contender: str
    clients: int
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def all(self) -> list[float]:
        """Times of all kinds."""
        return [value for values in self.milliseconds.values() for value in values]


class Clients:
    """Processes that wait for blocks of queries.

    Args:
        number: How many.
        contenders: Each client opens them all.
        mix: The queries; blocks name them by their place.
    """

    def __init__(self, number: int, contenders: Sequence[Contender], mix: Sequence[Query]) -> None:
        self._number = number
        self._contenders = list(contenders)
        self._mix = list(mix)
        self._pipes: list[Connection] = []
        self._processes: list[SpawnProcess] = []

    def __enter__(self) -> Self:
        """Start them, and wait until all have connected."""
        context = get_context("spawn")
        for _ in range(self._number):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, self._contenders, self._mix), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        try:
            for pipe in self._pipes:
                _receive(pipe)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        self._end()

    def _end(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(10)
            if process.is_alive():
                process.terminate()

    def run(self, contender: int, parts: Sequence[Sequence[int]]) -> tuple[list[tuple[int, float]], float]:
        """Run one block in every client at once.

        Args:
            contender: Its place.
            parts: For each client, the places of its queries in the mix.

        Returns:
            Place and milliseconds of each query, and the seconds from the first start to the last end.
        """
        for pipe, part in zip(self._pipes, parts, strict=True):
            pipe.send((contender, list(part)))
        answers = [_receive(pipe) for pipe in self._pipes]
        times = [
            pair for part, (values, _, _) in zip(parts, answers, strict=True) for pair in zip(part, values, strict=True)
        ]
        return times, max(end for _, _, end in answers) - min(start for _, start, _ in answers)


def run_mix(contenders: Sequence[Contender], mix: Sequence[Query], clients: int, stages: Stages) -> list[Runs]:
    """Run the whole mix with every contender, block by block in turn, warm.

    Every client runs the whole mix, each from another place. The few queries that a slow contender is asked are shared
    among the clients.
    """
    plans = [_plan(contender, mix, clients) for contender in contenders]
    runs = [Runs(contender.name, clients) for contender in contenders]
    with ExitStack() as stack:
        with stages.stage(f"starting {clients} clients" if clients > 1 else "starting 1 client"):
            started = stack.enter_context(Clients(clients, contenders, mix))
        total = sum(len(part) for plan in plans for block in plan for part in block)
        with stages.stage(f"{clients} clients" if clients > 1 else "1 client", total) as advance:
            for turn in range(max(len(plan) for plan in plans)):
                for place, plan in enumerate(plans):
                    if turn >= len(plan):
                        continue
                    times, seconds = started.run(place, plan[turn])
                    runs[place].seconds += seconds
                    for query, milliseconds in times:
                        runs[place].milliseconds.setdefault(mix[query].kind, []).append(milliseconds)
                    advance(len(times))
    return runs


def _plan(contender: Contender, mix: Sequence[Query], clients: int) -> list[list[list[int]]]:
    """Blocks of one contender: for each turn, for each client, places in the mix."""
    places = _chosen(contender, mix)
    if contender.per_kind is not None:
        # one query a client and turn: a block of slow ones would take minutes
        turns = range(0, len(places), clients)
        return [[places[start + n : start + n + 1] for n in range(clients)] for start in turns]
    shift = len(places) // clients
    orders = [places[n * shift :] + places[: n * shift] for n in range(clients)]
    return [[order[start : start + BLOCK] for order in orders] for start in range(0, len(places), BLOCK)]


def _chosen(contender: Contender, mix: Sequence[Query]) -> list[int]:
    taken: dict[str, int] = {}
    places = []
    for place, query in enumerate(mix):
        taken[query.kind] = taken.get(query.kind, 0) + 1
        if contender.per_kind is None or taken[query.kind] <= contender.per_kind:
            places.append(place)
    return places


def _receive(pipe: Connection) -> tuple[list[float], float, float]:
    try:
        answer = pipe.recv()
    except EOFError:
        raise RuntimeError("a client of the benchmark has died") from None
    if isinstance(answer, BaseException):
        raise answer
    return answer  # type: ignore[no-any-return]  # what _serve sends


def _serve(pipe: Connection, contenders: Sequence[Contender], mix: Sequence[Query]) -> None:
    """A client: opens everything, then answers blocks until the pipe closes."""
    try:
        with ExitStack() as stack:
            sessions = [stack.enter_context(contender.open()) for contender in contenders]
            for contender, session in zip(contenders, sessions, strict=True):
                for query in mix[: WARM_UP if contender.per_kind is None else 1]:
                    session.search(session.prepare(query))
            pipe.send(([], 0.0, 0.0))
            while True:
                place, part = pipe.recv()
                session = sessions[place]
                prepared = [session.prepare(mix[query]) for query in part]
                times = []
                first = time.perf_counter()
                for parameters in prepared:
                    started = time.perf_counter()
                    session.search(parameters)
                    times.append((time.perf_counter() - started) * 1000)
                pipe.send((times, first, time.perf_counter()))
    except (EOFError, KeyboardInterrupt):
        return
    except Exception as error:  # noqa: BLE001 - the parent raises it again
        pipe.send(error)
