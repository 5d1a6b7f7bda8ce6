"""The state of the mirror and its differences, for people and for machines."""

from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from app.cli.age import describe_age
from app.mirror import Comparison, MirrorDifference, MirrorState
from app.mirror.comparison import KINDS


def comparison_for_machines(found: Comparison) -> dict[str, Any]:
    """A comparison as JSON has it."""
    return {
        "namespace": found.namespace,
        "compared": found.compared,
        "pending": found.pending,
        "counts": {kind.replace(" ", "_"): found.count(kind) for kind in KINDS},
        "differences": [asdict(difference) for difference in found.differences],
    }


def render_differences(differences: list[MirrorDifference]) -> Table:
    """A row for each difference."""
    table = Table("what", Column("track", justify="right"), "title", "detail", box=SIMPLE_HEAD)
    for difference in differences:
        table.add_row(difference.kind, str(difference.track_id), difference.title or "", difference.detail)
    return table


def render_state(state: MirrorState, tracks: int, *, enabled: bool) -> Table:
    """A row for each thing that there is to say.

    Args:
        state: Of the mirror.
        tracks: How many documents it should hold.
        enabled: Whether the settings say that there is one.
    """
    table = Table(box=SIMPLE_HEAD, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    if not enabled:
        table.add_row("enabled", "no: TURBOPUFFER_ENABLED is false, so nothing is told to it")
    if not state.wanted:
        table.add_row("dropped", "vibe-search mirror rebuild brings it back")
    table.add_row("serves", f"{state.namespace}, with vectors of {state.model}" if state.namespace else "nothing yet")
    if state.filling is not None:
        table.add_row("is filled", f"{state.filling}, {state.filled_tracks or 0:,} of {tracks:,} tracks")
    table.add_row(
        "changes to tell",
        f"{state.changes:,}, the oldest {state.lag.total_seconds():.1f} s ago" if state.changes else "none",
    )
    if state.refused:
        table.add_row("refused", f"{state.refused:,}, see search.mirror_changes")
    if state.failure is not None:
        table.add_row("failing", f"{describe_age(state.failing_since)}: {state.failure}")
    table.add_row("up to date", describe_age(state.drained_at) + " ago" if state.drained_at else "never yet")
    found = f"{state.differences:,} differences" if state.differences else "no difference"
    table.add_row("compared", f"{describe_age(state.checked_at)} ago, {found}" if state.checked_at else "never yet")
    return table
