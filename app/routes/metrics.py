"""Figures for Prometheus."""

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from app.mirror import MirrorState, read_state
from app.routes.search import UNAVAILABLE
from app.state import State

router = APIRouter(tags=["health"])


class MirrorCollector(Collector):
    """The mirror's state, as it was read.

    Args:
        state: Of the mirror.
    """

    def __init__(self, state: MirrorState) -> None:
        self._state = state

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One figure after the other."""
        state = self._state
        figures = {
            "mirror_serving": ("Whether a namespace of the mirror serves.", state.namespace is not None),
            "mirror_changes": ("Tracks that the mirror has yet to be told about.", state.changes),
            "mirror_refused": ("Those of them that it will not take.", state.refused),
            "mirror_lag_seconds": ("How long the oldest of the others waits.", state.lag.total_seconds()),
            "mirror_failing": ("Whether the last attempt to tell it failed.", state.failure is not None),
            "mirror_differences": ("What the last comparison with the catalogue found.", state.differences or 0),
        }
        for name, (text, value) in figures.items():
            yield GaugeMetricFamily(f"vibe_search_{name}", text, value=float(value))


@router.get(
    "/metrics",
    responses={200: {"content": {"text/plain": {}}}, **UNAVAILABLE},
    response_class=Response,
    summary="Figures for Prometheus",
)
async def metrics(state: State) -> Response:
    """The state of the mirror, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(MirrorCollector(await read_state(state.engine)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
