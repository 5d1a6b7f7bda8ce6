"""Figures for Prometheus."""

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from app.http.dependencies import State
from app.http.documented import UNAVAILABLE
from services.metrics import PROCESS

router = APIRouter(tags=["health"])


class Figures(Collector):
    """Metrics that were read a moment ago.

    Args:
        metrics: The metrics.
    """

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """One after the other."""
        yield from self._metrics


@router.get(
    "/metrics",
    responses={200: {"content": {"text/plain": {}}}, 429: UNAVAILABLE[429]},
    response_class=Response,
    summary="Figures for Prometheus",
)
async def metrics(state: State) -> Response:
    """What this process has counted, and what the database knows of queue, model and mirror, as Prometheus reads it.

    Without the database the first half is there all the same, and `vibe_search_database_up` is 0. The second half is up
    to a second old.
    """
    found = await state.figures.get()
    up = float(found.reachable)
    reachable = GaugeMetricFamily("vibe_search_database_up", "Whether Postgres can be reached.", value=up)
    registry = CollectorRegistry()
    registry.register(Figures([reachable, *found.metrics]))
    return Response(generate_latest(PROCESS) + generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
