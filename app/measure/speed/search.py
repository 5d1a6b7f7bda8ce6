"""One run of the search benchmark: build, mix, contenders side by side, success."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from app.database import connect, load_statement
from app.measure.speed.build import Built
from app.measure.speed.clients import Runs, run_mix
from app.measure.speed.contenders import Contender
from app.measure.speed.contenders.hnsw import HnswContender
from app.measure.speed.contenders.predecessor import PredecessorContender
from app.measure.speed.contenders.unified import UnifiedContender
from app.measure.speed.figures import Figures, throughput
from app.measure.speed.queries import KINDS, Query, make_mix
from app.measure.speed.server import describe_machine, describe_server
from app.measure.speed.stages import Stages
from app.measure.speed.success import Success, measure_recall, measure_success
from app.measure.speed.targets import PREDECESSOR, RATIOS, RECALL, SUCCESS, Check

RECALL_VECTORS = 100
"""Vectors over which recall is the mean."""


@dataclass(frozen=True)
class Plan:
    """What a run does.

    Attributes:
        queries: Of each kind.
        clients: Numbers of clients, each a round of its own.
        peers: Other systems, ready to be opened.
        peers_seconds: What building their indexes took, by stage.
    """

    queries: int = 100
    clients: Sequence[int] = (1, 8)
    peers: Sequence[Contender] = ()
    peers_seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SearchResult:
    """Everything that one run measured.

    Attributes:
        built: The database.
        queries: How many the mix has.
        runs: Times of each contender with each number of clients.
        success: Known items.
        recall: Of the nearest tracks.
        peers_seconds: What building the peers' indexes took, by stage.
        machine: Cores and memory.
        server: Version and parameters of Postgres.
        bytes_on_disk: Of each table and index.
        index: Which one the bare HNSW query reads.
    """

    built: Built
    queries: int
    runs: list[Runs]
    success: list[Success]
    recall: float
    peers_seconds: Mapping[str, float]
    machine: dict[str, str]
    server: dict[str, str]
    bytes_on_disk: dict[str, int]
    index: str | None

    def figures(self, contender: str, clients: int) -> Figures | None:
        """Times of all queries of a contender."""
        found = (runs for runs in self.runs if (runs.contender, runs.clients) == (contender, clients))
        return next((Figures.of(runs.all) for runs in found), None)

    @property
    def checks(self) -> list[Check]:
        """Figures with targets; times are those of one client, or of as few as ran."""
        clients = min(runs.clients for runs in self.runs)
        ours, bare = self.figures(UnifiedContender.name, clients), self.figures(HnswContender.name, clients)
        before = self.figures(PredecessorContender.name, clients)
        checks = []
        if ours and bare:
            checks += [
                Check(f"{name} / p50 of bare HNSW", getattr(ours, name) / bare.p50, target, at_least=False, unit="x")
                for name, target in RATIOS.items()
            ]
        if ours and before:
            checks.append(
                Check("predecessor by name p50 / p50", before.p50 / ours.p50, PREDECESSOR, at_least=True, unit="x")
            )
        checks += [Check(f"{found.kind} @{found.depth}", found.rate, SUCCESS[found.kind], at_least=True)
                   for found in self.success if found.kind in SUCCESS]  # fmt: skip
        return [*checks, Check("recall@20 of the nearest tracks", self.recall, RECALL, at_least=True)]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "tracks": self.built.sizes.tracks,
            "database": self.built.name,
            "machine": self.machine,
            "server": self.server,
            "build_seconds": self.built.seconds | dict(self.peers_seconds),
            "bytes_on_disk": self.bytes_on_disk,
            "queries": self.queries,
            "bare_hnsw_index": self.index,
            "contenders": [_as_dict(runs) for runs in self.runs],
            "success": [found.as_dict() for found in self.success],
            "recall": self.recall,
            "checks": [check.as_dict() for check in self.checks],
        }


def measure_search(built: Built, plan: Plan, stages: Stages) -> SearchResult:
    """Ask the whole mix once for its success, which warms the server, then time all contenders.

    Args:
        built: The database.
        plan: What to run.
        stages: Shows progress.
    """
    contenders: list[Contender] = [
        UnifiedContender(built.url),
        HnswContender(built.url),
        PredecessorContender(built.url),
        PredecessorContender(built.url, name="predecessor by sound", by_sound=True, per_kind=None),
        *plan.peers,
    ]
    with connect(built.url) as connection, HnswContender(built.url).open() as bare:
        connection.autocommit = True
        mix = make_mix(connection, built, plan.queries)
        success = measure_success(connection, mix, stages)
        recall = measure_recall(connection, built, RECALL_VECTORS, stages)
        _warm(contenders, mix, stages)
        runs = [found for number in plan.clients for found in run_mix(contenders, mix, number, stages)]
        return SearchResult(
            built, len(mix), runs, success, recall, plan.peers_seconds, describe_machine(), describe_server(connection),
            _sizes(connection), bare.index(mix[0]),
        )  # fmt: skip


def _warm(contenders: Sequence[Contender], mix: Sequence[Query], stages: Stages) -> None:
    """Every query once, so that what it reads is in memory; a slow contender reads it all with any query."""
    with stages.stage("warming", len(contenders) * len(mix)) as advance:
        for contender in contenders:
            with contender.open() as session:
                for query in mix if contender.per_kind is None else mix[:1]:
                    session.search(session.prepare(query))
                    advance(1)


def _sizes(connection: psycopg.Connection[Any]) -> dict[str, int]:
    return dict(connection.execute(load_statement("benchmark_sizes")).fetchall())


def _as_dict(runs: Runs) -> dict[str, Any]:
    by_kind = {kind: Figures.of(runs.milliseconds[kind]).as_dict() for kind in KINDS if kind in runs.milliseconds}
    return {
        "name": runs.contender,
        "clients": runs.clients,
        **Figures.of(runs.all).as_dict(),
        "queries_per_second": throughput(runs),
        "kinds": by_kind,
    }
