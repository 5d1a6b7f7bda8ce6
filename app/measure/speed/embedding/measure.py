"""Running the contenders side by side, and what comes out."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.measure.speed.build import Wanted, prepare
from app.measure.speed.embedding.contender import OURS, OURS_FLOAT32, REPLACED
from app.measure.speed.embedding.material import CLIP_SECONDS, make_queries, write_clips
from app.measure.speed.embedding.serving import ServerFigures, measure_server
from app.measure.speed.embedding.session import Session
from app.measure.speed.embedding.subject import Subject
from app.measure.speed.figures import Figures
from app.measure.speed.server import describe_machine, open_server
from app.measure.speed.sizes import Sizes
from app.measure.speed.stages import Stages
from app.measure.speed.targets import MEMORY_MB, TEXT_RATIO, WINDOWS_RATIO, Check
from app.settings import Settings
from models.runtime.run_options import RunOptions
from services.embedding.in_process import InProcessEmbedding

TEXT, AUDIO = "text", "audio"
ALL = "all"
_WARM_UP = ("sound", "a second sound", "the third of all sounds")
_MEGABYTE = 1e6
_TRACKS = 1000
"""Of the server's catalogue: what embedding takes does not depend on it."""


@dataclass(frozen=True)
class EmbedPlan:
    """How much is embedded.

    Attributes:
        texts: Different queries.
        windows: Ten-second recordings.
        threads: Of each contender.
    """

    texts: int
    windows: int
    threads: int


@dataclass(frozen=True)
class ContenderFigures:
    """What one contender did.

    Attributes:
        first_text_seconds: From the start of its process to its first vector of a text.
        seconds: Of each task, by kind (`text`, `audio`) and stage.
        agreement: Least cosine with the vectors of the replaced way, by kind.
        peak_bytes: Memory of its process at most.
    """

    first_text_seconds: float
    seconds: Mapping[str, Mapping[str, Sequence[float]]]
    agreement: Mapping[str, float]
    peak_bytes: int

    def milliseconds(self, kind: str, stage: str = ALL) -> list[float]:
        """Of each task of a kind."""
        return [1000 * value for value in self.seconds.get(kind, {}).get(stage, ())]

    @property
    def windows_per_second(self) -> float:
        """Of audio, one after the other."""
        spent = self.seconds[AUDIO][ALL]
        return len(spent) / sum(spent)


@dataclass(frozen=True)
class EmbedResult:
    """What one run measured.

    Attributes:
        subject: The model.
        plan: How much was embedded.
        contenders: By name.
        operations: Floating-point operations of the networks, and of this machine in a second.
        server: The serving process.
        machine: Cores and memory.
    """

    subject: Subject
    plan: EmbedPlan
    contenders: Mapping[str, ContenderFigures]
    operations: Mapping[str, float]
    server: ServerFigures
    machine: Mapping[str, str]

    @property
    def floors(self) -> dict[str, float]:
        """Milliseconds that the products of matrices alone take in float32 on this machine."""
        speed = self.operations["machine per second"]
        return {kind: 1000 * self.operations[name] / speed for kind, name in ((TEXT, "query"), (AUDIO, "window"))}

    @property
    def checks(self) -> list[Check]:
        """Figures with targets."""
        ours, replaced = self.contenders[OURS], self.contenders[REPLACED]
        fast, slow = (Figures.of(one.milliseconds(TEXT)) for one in (ours, replaced))
        windows = ours.windows_per_second / replaced.windows_per_second
        return [
            Check("text, replaced p50 / p50", slow.p50 / fast.p50, TEXT_RATIO, at_least=True),
            Check("audio, windows per second / replaced", windows, WINDOWS_RATIO, at_least=True),
            Check(
                "peak memory of the server", self.server.peak_bytes / _MEGABYTE, MEMORY_MB, at_least=False, unit=" MB"
            ),
        ]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": self.subject.card.identity,
            "weights": self.subject.weights,
            "texts": self.plan.texts,
            "windows": self.plan.windows,
            "threads": self.plan.threads,
            "machine": dict(self.machine),
            "contenders": {name: _describe(figures) for name, figures in self.contenders.items()},
            "operations": dict(self.operations),
            "floor_ms": self.floors,
            "server": self.server.as_dict(),
            "checks": [check.as_dict() for check in self.checks],
        }


def _describe(figures: ContenderFigures) -> dict[str, Any]:
    return {
        "first_text_seconds": figures.first_text_seconds,
        "milliseconds": {
            kind: {stage: Figures.of(figures.milliseconds(kind, stage)).as_dict() for stage in stages}
            for kind, stages in figures.seconds.items()
        },
        "windows_per_second": figures.windows_per_second if AUDIO in figures.seconds else None,
        "least_cosine": dict(figures.agreement),
        "peak_bytes": figures.peak_bytes,
    }


class _Runner:
    """One contender's process, and what it has done."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.first_text_seconds = 0.0
        self.seconds: dict[str, dict[str, list[float]]] = {}
        self.vectors: dict[str, list[list[float]]] = {}

    def start(self) -> None:
        """Wait for the first vector, and warm up."""
        self.session.ask(text=_WARM_UP[0])
        self.first_text_seconds = self.session.age
        for text in _WARM_UP[1:]:
            self.session.ask(text=text)

    def run(self, kind: str, value: str) -> None:
        """One task, timed inside of the process."""
        answer = self.session.ask(**{kind: value})
        self.vectors.setdefault(kind, []).append(answer["vector"])
        for stage, seconds in answer["seconds"].items():
            self.seconds.setdefault(kind, {}).setdefault(stage, []).append(seconds)

    def finish(self, reference: "_Runner") -> ContenderFigures:
        """Everything about it."""
        agreement = {
            kind: float(min(np.sum(np.array(found) * np.array(reference.vectors[kind]), axis=1)))
            for kind, found in self.vectors.items()
        }
        peak = self.session.ask(memory=True)["peak_bytes"]
        return ContenderFigures(self.first_text_seconds, self.seconds, agreement, peak)


def measure_embedding(settings: Settings, subject: Subject, plan: EmbedPlan, stages: Stages) -> EmbedResult:
    """Embed the same texts and clips by every contender, in turns; then ask the real server.

    Raises:
        UserError: A package, the sample library or the database is missing.
    """
    queries = make_queries(plan.texts)
    with tempfile.TemporaryDirectory(prefix="vibe-search-bench-") as folder:
        clips = write_clips(Path(folder), plan.windows, stages)
        contenders, operations = _measure_contenders(subject, plan, queries, [str(path) for path in clips], stages)
        environment = subject.environment | {"MODEL_THREADS": str(plan.threads)}
        with open_server(settings) as url:
            built = prepare(url, Wanted(Sizes(_TRACKS), _open_provider(settings, subject), "_embed"), stages.console)
            server = measure_server(built.url, environment, queries, clips[0], stages)
    return EmbedResult(subject, plan, contenders, operations, server, describe_machine())


def _open_provider(settings: Settings, subject: Subject) -> InProcessEmbedding:
    return InProcessEmbedding(subject.card, RunOptions(), max_seconds=settings.audio_max_seconds)


def _measure_contenders(
    subject: Subject, plan: EmbedPlan, queries: Sequence[str], clips: Sequence[str], stages: Stages
) -> tuple[dict[str, ContenderFigures], dict[str, float]]:
    """Figures by contender, and the floating-point operations of the networks.

    Each has a process of its own; while one works, the others wait. Who goes first changes with every task.
    """
    with ExitStack() as stack:
        runners = {}
        for name in (OURS, OURS_FLOAT32, REPLACED):
            with stages.stage(f"starting {name}"):
                session = stack.enter_context(Session(name, subject.models_dir, subject.card.name, plan.threads))
                runners[name] = _Runner(session)
                runners[name].start()
        _take_turns(list(runners.values()), TEXT, queries, stages)
        hearing = [runners[OURS], runners[REPLACED]]
        for runner in hearing:
            runner.session.ask(audio=clips[0])
        _take_turns(hearing, AUDIO, clips, stages)
        with stages.stage("the floor"):
            operations = runners[REPLACED].session.ask(operations=True)["operations"]
        return {name: runner.finish(runners[REPLACED]) for name, runner in runners.items()}, operations


def _take_turns(runners: Sequence[_Runner], kind: str, values: Sequence[str], stages: Stages) -> None:
    with stages.stage(f"{kind}, {CLIP_SECONDS} s each" if kind == AUDIO else kind, len(values)) as advance:
        for turn, value in enumerate(values):
            first = turn % len(runners)
            for runner in (*runners[first:], *runners[:first]):
                runner.run(kind, value)
            advance(1)
