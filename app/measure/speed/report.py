"""What a run measured, as tables for people."""

from collections.abc import Iterable, Mapping

from rich.table import Column, Table

from app.measure.speed.contenders.unified import UnifiedContender
from app.measure.speed.embedding.measure import AUDIO, TEXT, EmbedResult
from app.measure.speed.endpoint import EndpointResult
from app.measure.speed.figures import Figures, throughput
from app.measure.speed.queries import KINDS
from app.measure.speed.search import SearchResult
from app.measure.speed.targets import Check
from app.measure.speed.writes import WritesResult

_LEAST = 2**16
"""Bytes that a table or index has to be listed for people."""

_TIMES = ("runs", "p50", "p95", "p99", "worst")


def render_search(result: SearchResult) -> list[Table]:
    """Times, times by kind, known items, targets, and what it ran on."""
    seconds = result.built.seconds | dict(result.peers_seconds)
    sizes = {name: size for name, size in result.bytes_on_disk.items() if size >= _LEAST}
    return [
        _contenders(result),
        _kinds(result),
        _success(result),
        _checks(result.checks),
        _facts("seconds to build", {name: f"{value:.1f}" for name, value in seconds.items()}),
        _facts("on disk", {name: f"{size / 2**20:,.1f} MiB" for name, size in sizes.items()}),
        _facts("measured on", result.machine | result.server | {"bare HNSW reads": result.index or "no index"}),
    ]


def render_writes(result: WritesResult) -> list[Table]:
    """Times, targets, and what it ran on."""
    title = f"{result.built.sizes.tracks:,} tracks, milliseconds"
    return [
        _times(title, "write", result.times),
        _facts("search adds at the median", {what: f"{value:.2f} ms" for what, value in result.added.items()}),
        _checks(result.checks),
        _facts("measured on", dict(result.machine) | dict(result.server)),
    ]


def render_endpoint(result: EndpointResult) -> list[Table]:
    """Times, targets, and what it ran on."""
    title = f"GET /search/ on {result.built.sizes.tracks:,} tracks, milliseconds"
    answers = {"compared with sounds": f"{result.available:.1%} of the answers"}
    return [
        _times(title, "query", result.times),
        _checks(result.checks),
        _facts("measured on", answers | dict(result.machine) | dict(result.server)),
    ]


def render_embedding(result: EmbedResult) -> list[Table]:
    """Times, where they go, memory and start, targets, and what it ran on."""
    title = f"milliseconds, {result.plan.threads} threads each, one at a time"
    times = {
        f"{kind}: {name}": Figures.of(figures.milliseconds(kind))
        for kind in (TEXT, AUDIO)
        for name, figures in result.contenders.items()
        if figures.milliseconds(kind)
    }
    weights = {"model": result.subject.card.identity, "weights": result.subject.weights}
    return [
        _times(title, "task", times),
        _embedding_stages(result),
        _processes(result),
        _checks(result.checks),
        _facts("measured on", weights | dict(result.machine)),
    ]


def _embedding_stages(result: EmbedResult) -> Table:
    """Medians of the parts of ten seconds of audio, and what cannot be undercut."""
    table = Table("contender", "part", "p50", title="ten seconds of audio, milliseconds")
    for name, figures in result.contenders.items():
        for stage in figures.seconds.get(AUDIO, {}):
            table.add_row(name, stage, f"{Figures.of(figures.milliseconds(AUDIO, stage)).p50:.1f}")
    table.add_section()
    speed = result.operations["machine per second"] / 1e9
    for kind, milliseconds in result.floors.items():
        table.add_row("floor in float32", f"{kind}: products of matrices at {speed:.0f} GFLOP/s", f"{milliseconds:.1f}")
    return table


def _processes(result: EmbedResult) -> Table:
    table = Table("process", "first text, s", "windows per s", "least cosine", "peak MB", title="processes")
    for name, figures in result.contenders.items():
        cosines = ", ".join(f"{kind} {value:.4f}" for kind, value in figures.agreement.items())
        speed = f"{figures.windows_per_second:.1f}" if AUDIO in figures.seconds else ""
        table.add_row(name, f"{figures.first_text_seconds:.2f}", speed, cosines, f"{figures.peak_bytes / 1e6:.0f}")
    server = result.server
    table.add_row("vibe-search serve", f"{server.first_answer_seconds:.2f}", "", "", f"{server.peak_bytes / 1e6:.0f}")
    table.add_row("the same, after a clip", "", "", "", f"{server.peak_bytes_with_audio / 1e6:.0f}")
    return table


def _checks(checks: Iterable[Check]) -> Table:
    """Figures beside their targets; a missed one is marked."""
    table = Table("figure", "measured", "target", "", title="targets")
    for check in checks:
        bound = "at least" if check.at_least else "at most"
        mark = "[green]met[/]" if check.met else "[bold red]missed[/]"
        table.add_row(check.name, f"{check.value:.3g}{check.unit}", f"{bound} {check.target:g}{check.unit}", mark)
    return table


def _facts(title: str, facts: Mapping[str, str]) -> Table:
    table = Table(title=title, show_header=False)
    for name, value in facts.items():
        table.add_row(name, value)
    return table


def _times(title: str, first: str, rows: Mapping[str, Figures]) -> Table:
    table = Table(first, *_TIMES, title=title)
    for name, figures in rows.items():
        table.add_row(name, *_cells(figures))
    return table


def _contenders(result: SearchResult) -> Table:
    title = (
        f"{result.built.sizes.tracks:,} tracks, {result.queries:,} queries, milliseconds\n"
        f"each client is a process; a slow contender gets a part of the queries"
    )
    table = Table(Column("contender", no_wrap=True), "clients", *_TIMES, "per s", title=title)
    for runs in result.runs:
        table.add_row(runs.contender, str(runs.clients), *_cells(Figures.of(runs.all)), f"{throughput(runs):,.0f}")
    return table


def _kinds(result: SearchResult) -> Table:
    ours = [runs for runs in result.runs if runs.contender == UnifiedContender.name]
    table = Table("query", "clients", *_TIMES, title=f"{UnifiedContender.name} by kind of query, milliseconds")
    for runs in ours:
        for kind in KINDS:
            if kind in runs.milliseconds:
                table.add_row(kind, str(runs.clients), *_cells(Figures.of(runs.milliseconds[kind])))
        table.add_section()
    return table


def _success(result: SearchResult) -> Table:
    table = Table("looked for by", "in the first", "queries", "found", title="known items")
    for found in result.success:
        table.add_row(found.kind, str(found.depth), str(found.queries), f"{found.rate:.3f}")
    return table


def _cells(figures: Figures) -> list[str]:
    return [str(figures.runs), *(f"{value:.2f}" for value in (figures.p50, figures.p95, figures.p99, figures.worst))]
