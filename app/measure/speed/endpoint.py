"""The endpoint as a browser meets it: the real server in a process of its own, one connection, one query at a time."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.database import connect
from app.measure.speed.build import Built
from app.measure.speed.figures import Figures
from app.measure.speed.queries import KINDS, Query, make_mix
from app.measure.speed.served import running_server
from app.measure.speed.server import describe_machine, describe_server
from app.measure.speed.stages import Stages
from app.measure.speed.targets import HTTP_P95_MS, Check

_WARM_UP = 20
_LONGEST = 100
"""Characters that the endpoint takes."""


@dataclass(frozen=True)
class EndpointResult:
    """What one run measured.

    Attributes:
        built: The database.
        milliseconds: Of each request, by the kind of its query.
        available: Share of the answers whose text was compared with sounds.
        machine: Cores and memory.
        server: Version and parameters of Postgres.
    """

    built: Built
    milliseconds: Mapping[str, Sequence[float]]
    available: float
    machine: Mapping[str, str]
    server: Mapping[str, str]

    @property
    def times(self) -> dict[str, Figures]:
        """Of all queries, and by kind."""
        everything = [value for values in self.milliseconds.values() for value in values]
        by_kind = {kind: Figures.of(self.milliseconds[kind]) for kind in KINDS if kind in self.milliseconds}
        return {"all": Figures.of(everything)} | by_kind

    @property
    def checks(self) -> list[Check]:
        """Figures with targets."""
        return [Check("endpoint p95", self.times["all"].p95, HTTP_P95_MS, at_least=False, unit=" ms")]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "tracks": self.built.sizes.tracks,
            "database": self.built.name,
            "machine": dict(self.machine),
            "server": dict(self.server),
            "milliseconds": {name: figures.as_dict() for name, figures in self.times.items()},
            "available": self.available,
            "checks": [check.as_dict() for check in self.checks],
        }


def measure_endpoint(built: Built, queries: int, stages: Stages) -> EndpointResult:
    """Send each query of the mix once; no two are alike, so that nothing answers from memory.

    Args:
        built: The database; its vectors are those of the configured model's length.
        queries: Of each kind.
        stages: Shows progress.
    """
    with connect(built.url) as connection:
        connection.autocommit = True
        mix = _distinct(make_mix(connection, built, queries))
        server = describe_server(connection)
    milliseconds: dict[str, list[float]] = {}
    available = 0
    with running_server(built.url, stages) as served:
        for number in range(_WARM_UP):
            served.search(f"warm up {number}")
        with stages.stage("requests", len(mix)) as advance:
            for query in mix:
                started = time.perf_counter()
                body = served.search(query.text)
                milliseconds.setdefault(query.kind, []).append((time.perf_counter() - started) * 1000)
                available += bool(json.loads(body)["available"])
                advance(1)
    return EndpointResult(built, milliseconds, available / len(mix), describe_machine(), server)


def _distinct(mix: Sequence[Query]) -> list[Query]:
    seen: dict[str, Query] = {}
    for query in mix:
        if len(query.text) <= _LONGEST:
            seen.setdefault(query.text.casefold(), query)
    return list(seen.values())
