"""vibe-search evaluate."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from app.database import connect, open_database, require_schema
from app.errors import UserError
from app.measure.relevance import (
    COMPARED_METRICS,
    OURS,
    Evaluation,
    LabelledFile,
    QueryResult,
    Ranking,
    Scores,
    load_labels,
    open_harness,
)
from app.measure.sample import load_library
from app.providers import Providers, build_providers
from app.settings import get_settings
from app.terminal import make_console, print_line, print_table
from services.embedding import EmbeddingProvider

_SAMPLE = Path(__file__).resolve().parents[1] / "measure" / "sample"
SAMPLE_LABELS = (_SAMPLE / "descriptions.toml", _SAMPLE / "names.toml")

_METRICS = {
    "success_at_1": "success@1",
    "success_at_5": "success@5",
    "success_at_10": "success@10",
    "reciprocal_rank": "MRR",
    "ndcg_at_10": "nDCG@10",
    "average_precision": "MAP",
}
_NAMES = {
    "vibe_search": "vibe-search",
    "predecessor": "predecessor by keyword",
    "predecessor_mood": "predecessor by mood",
    "chance": "chance",
}


def evaluate(*, file: Path | None, by: str | None, limit: int, each: bool, as_json: bool) -> None:
    """Measure how well the search answers labelled queries."""
    files = [load_labels(path) for path in ([file] if file is not None else SAMPLE_LABELS)]
    work = [
        (labelled, ranking)
        for labelled in files
        for ranking in (labelled.by if by is None or file is None else [Ranking(by)])
        if by in {None, ranking}
    ]
    settings = get_settings()
    providers = build_providers(settings)
    console, screen = make_console(), Console(stderr=True)
    hidden = not screen.is_terminal
    with open_database(settings) as url, Progress(console=screen, transient=True, disable=hidden) as progress:
        require_schema(url)
        bar = progress.add_task("asking", total=sum(len(labelled.queries) for labelled, _ in work))
        try:
            found = asyncio.run(
                _evaluate(url, _serving(url, providers), work, limit, on_answer=lambda: progress.advance(bar))
            )
        except UserError as error:
            if file is None:
                raise UserError(f"{error}. The sample is there after vibe-search demo --once") from error
            raise
    if as_json:
        body = {"evaluations": [evaluation.as_dict() for evaluation in found]}
        print_line(json.dumps(body, ensure_ascii=False, indent=2))
        return
    for evaluation in found:
        print_table(console, _render(evaluation))
        if evaluation.groups:
            print_table(console, _render_groups(evaluation))
        if each:
            print_table(console, _render_queries(evaluation))


def _serving(url: str, providers: Providers) -> EmbeddingProvider:
    """The model that the database serves, or the configured one, which the harness then refuses."""
    with connect(url) as connection:
        row = connection.execute("select identity from search.models where serving").fetchone()
    found = None if row is None else providers.embedding_of(str(row[0]))
    return providers.embedding if found is None else found


async def _evaluate(
    url: str,
    embedding: EmbeddingProvider,
    work: list[tuple[LabelledFile, Ranking]],
    limit: int,
    *,
    on_answer: Callable[[], None],
) -> list[Evaluation]:
    await asyncio.to_thread(embedding.load)
    async with open_harness(url, embedding, aliases=_recordings(), page=limit, on_answer=on_answer) as harness:
        return [await harness.measure(labelled, ranking) for labelled, ranking in work]


def _recordings() -> Mapping[str, str]:
    """Labels of the sample's tracks by the paths of their recordings."""
    return {track.file: f"track:{track.artist}/{track.title}" for track in load_library().tracks}


def _render(evaluation: Evaluation) -> Table:
    """Means over all queries, a ranking a row."""
    what = "every track by its sound" if evaluation.by is Ranking.SOUND else "the search box"
    table = Table(
        "ranking",
        *_METRICS.values(),
        title=Text(f"{evaluation.file}: {what}", "bold"),
        title_justify="left",
        caption=_describe(evaluation),
        caption_justify="left",
    )
    for name in evaluation.rankings:
        table.add_row(_NAMES[name], *_cells(evaluation.mean(name)))
    return table


def _cells(scores: Scores) -> list[str]:
    return [f"{getattr(scores, metric):.3f}" for metric in _METRICS]


def _describe(evaluation: Evaluation) -> Text:
    """What was measured, and how sure the difference is."""
    places = min(evaluation.page, evaluation.candidates)
    lines = [f"{len(evaluation.results)} queries, {evaluation.candidates} candidates, the first {places} places"]
    if evaluation.left_out:
        lines.append(f"{evaluation.left_out} queries look for no track and were left out")
    for metric in COMPARED_METRICS:
        difference = evaluation.difference(metric)
        words = f"{_METRICS[metric]} less that of {_NAMES[evaluation.baseline]}: {difference.mean:+.3f}"
        if difference.low is None or difference.high is None:
            lines.append(f"{words} (one query does not say how sure that is)")
        else:
            sure = "" if difference.is_sure else ", may be 0"
            lines.append(f"{words} (95 % sure: {difference.low:+.3f} to {difference.high:+.3f}{sure})")
    return Text("\n".join(lines))


def _render_groups(evaluation: Evaluation) -> Table:
    """Means by group: ours, and the baseline's behind the stroke."""
    table = Table("group", "queries", *_METRICS.values(), caption=f"vibe-search / {_NAMES[evaluation.baseline]}")
    for group, results in evaluation.groups.items():
        table.add_row(Text(group or "(none)"), str(len(results)), *_pairs(evaluation, results))
    return table


def _pairs(evaluation: Evaluation, results: list[QueryResult]) -> list[str]:
    ours, others = (_cells(evaluation.mean(name, results)) for name in (OURS, evaluation.baseline))
    return [f"{mine} / {other}" for mine, other in zip(ours, others, strict=True)]


def _render_queries(evaluation: Evaluation) -> Table:
    """The average precision of each query."""
    table = Table(
        "query",
        "relevant",
        *(_NAMES[name] for name in evaluation.rankings),
        title="average precision",
        title_justify="left",
    )
    for result in evaluation.results:
        scores = [f"{result.scores[name].average_precision:.3f}" for name in evaluation.rankings]
        table.add_row(Text(result.query.text), str(result.relevant), *scores)
    return table
