"""How an audit is shown: tables for people, JSON for machines."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from app.processing.audit.check import AuditFinding
from app.processing.audit.processing import ArtistAudit, TrackAudit, total
from app.terminal import print_table

LISTED = 50
"""Differences that are listed without --verbose."""


def audit_for_machines(artists: list[ArtistAudit], differences: list[AuditFinding] | None) -> dict[str, Any]:
    """What was found, as JSON has it; the differences are None where nothing was compared."""
    return {
        "artists": [_artist_for_machines(artist) for artist in artists],
        "totals": _artist_for_machines(total(artists)),
        "differences": None if differences is None else [asdict(difference) for difference in differences],
    }


def _artist_for_machines(artist: ArtistAudit) -> dict[str, Any]:
    return asdict(artist) | {"embedded": [asdict(share) for share in artist.embedded.values()]}


def print_audit(
    console: Console, artists: list[ArtistAudit], differences: list[AuditFinding] | None, *, verbose: bool
) -> None:
    """Print what was found.

    Args:
        console: Where.
        artists: What has been done to the tracks of each.
        differences: What a comparison found; None where nothing was compared.
        verbose: List each track, too, and every difference.
    """
    if artists:
        print_table(console, _render_artists(artists))
    else:
        console.print("there are no tracks")
    for artist in artists if verbose else []:
        print_table(console, _render_tracks(artist))
    if differences is not None:
        _print_differences(console, differences, most=len(differences) if verbose else LISTED)


def _render_artists(artists: list[ArtistAudit]) -> Table:
    figures = (Column(name, justify="right", no_wrap=True) for name in ("pending", "failed", "never"))
    table = Table(
        Column("artist", overflow="fold"),
        Column("tracks", justify="right", no_wrap=True),
        Column("embedded", overflow="fold"),
        Column("classified", min_width=len("classified")),
        *figures,
        box=SIMPLE_HEAD,
    )
    for artist in artists:
        table.add_row(artist.handle, *_figures(artist))
    table.add_section()
    table.add_row("all", *_figures(total(artists)), style="bold")
    return table


def _figures(artist: ArtistAudit) -> list[str]:
    shares = artist.embedded.values()
    names = [share.model for share in shares]
    embedded = [
        # several identities of one name differ in nothing else
        f"{share.tracks:,} by {share.identity if names.count(share.model) > 1 else share.model}\n"
        f"{_period(share.first, share.last)}"
        for share in shares
    ]
    classified = f"{artist.classified:,}\n{_period(artist.classified_first, artist.classified_last)}"
    return [
        f"{artist.tracks:,}",
        "\n".join(embedded) or "0",
        classified.rstrip(),
        f"{artist.pending:,}",
        f"{artist.failed:,}",
        f"{artist.unprocessed:,}",
    ]


def _render_tracks(artist: ArtistAudit) -> Table:
    table = Table(
        Column("track", justify="right"),
        "title",
        "embedded",
        "classified",
        "pending",
        "failed",
        title=f"{artist.name} ({artist.handle}, {artist.did})",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for track in artist.listing:
        embedded = "\n".join(
            f"{vector.identity} {_moment(vector.embedded_at)}"
            + ("" if vector.file_id == track.file_id else ", of other audio")
            for vector in track.vectors
        )
        failed = "\n".join(f"{failure.task}: {failure.reason}" for failure in track.failures)
        state = embedded or ("" if track.processed else "never processed")
        table.add_row(str(track.track_id), track.title, state, _classified(track), "\n".join(track.pending), failed)
    return table


def _classified(track: TrackAudit) -> str:
    if track.classified_file_id is None:
        return ""
    if track.classified_file_id != track.file_id:
        return "of other audio"
    return "yes" if track.classified_at is None else _moment(track.classified_at)


def _print_differences(console: Console, differences: list[AuditFinding], *, most: int) -> None:
    wrong = [difference for difference in differences if not difference.expected]
    expected = len(differences) - len(wrong)
    if wrong:
        table = Table("what", Column("track", justify="right"), "title", "model", "detail", box=SIMPLE_HEAD)
        for difference in wrong[:most]:
            cells = (difference.title, difference.model, difference.detail)
            table.add_row(difference.kind, str(difference.track_id), *(cell or "" for cell in cells))
        print_table(console, table)
    if len(wrong) > most:
        console.print(f"{len(wrong) - most:,} more: --verbose lists them all")
    console.print(f"{len(wrong):,} differences" if wrong else "the vectors are what they should be", highlight=False)
    if expected:
        console.print(f"{expected:,} tracks lack a vector because a job waits or the audio cannot be decoded")


def _period(first: datetime | None, last: datetime | None) -> str:
    days = list(dict.fromkeys(f"{moment:%Y-%m-%d}" for moment in (first, last) if moment is not None))
    return " to ".join(days)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
