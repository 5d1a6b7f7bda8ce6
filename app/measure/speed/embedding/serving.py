"""The real server with the model: how much memory it takes, and how soon it answers."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from app.measure.speed.embedding.memory import peak_bytes
from app.measure.speed.served import Served, running_server
from app.measure.speed.stages import Stages

_FIRST = "the first search of all"


@dataclass(frozen=True)
class ServerFigures:
    """The serving process.

    Attributes:
        ready_seconds: From its start until it says that it is ready.
        first_answer_seconds: From its start to the first answer whose text was compared with sounds.
        peak_bytes: Memory at most, with the text half loaded and after all queries.
        peak_bytes_with_audio: The same after a clip was searched by, which loads the other half.
    """

    ready_seconds: float
    first_answer_seconds: float
    peak_bytes: int
    peak_bytes_with_audio: int

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def measure_server(
    url: str, environment: Mapping[str, str], queries: Sequence[str], clip: Path, stages: Stages
) -> ServerFigures:
    """Start `vibe-search serve` and ask it.

    Args:
        url: Of a database that serves the model.
        environment: Settings by which the server knows the model.
        queries: Texts to search for, one after the other.
        clip: A recording to search by, at the end.
        stages: Shows progress.

    Raises:
        RuntimeError: The server did not start, or did not compare a text with sounds.
    """
    with running_server(url, stages, environment) as served:
        ready = time.perf_counter() - served.started
        _search(served, _FIRST)
        first = time.perf_counter() - served.started
        with stages.stage("searches", len(queries)) as advance:
            for query in queries:
                _search(served, query)
                advance(1)
        process = psutil.Process(served.pid)
        peak = peak_bytes(process)
        _search_by(served, clip)
        return ServerFigures(ready, first, peak, peak_bytes(process))


def _search(served: Served, text: str) -> None:
    answer: dict[str, Any] = json.loads(served.search(text))
    if not answer["available"]:
        raise RuntimeError(f"the server did not compare {text!r} with sounds")


def _search_by(served: Served, clip: Path) -> None:
    address = f"http://{served.client.host}:{served.client.port}/search/by-audio"
    httpx2.post(address, files={"file": (clip.name, clip.read_bytes())}, timeout=60).raise_for_status()
