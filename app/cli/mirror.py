"""vibe-search mirror: status, verify, repair, rebuild, drop."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.mirror_report import comparison_for_machines, render_differences, render_state
from app.database import Database, run_with_database
from app.errors import UserError
from app.mirror import (
    Comparison,
    MirrorState,
    MirrorSync,
    begin_rebuild,
    catch_up,
    compare,
    count_tracks,
    read_namespaces,
    read_state,
    record,
    repair,
    require_mirror,
    retire_all,
)
from app.mirror.comparison import KINDS
from app.providers import build_mirror
from app.settings import Settings, get_settings
from app.terminal import make_console, print_line, print_table
from services.vector_mirror import VectorMirror

_LISTED = 50
_POLL_SECONDS = 0.5

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Mirror:
    """What the commands work with."""

    settings: Settings
    database: Database
    store: VectorMirror
    console: Console

    async def serving(self) -> str:
        """Name of the namespace that serves.

        Raises:
            UserError: There is none yet.
        """
        names = [found.name for found in await read_namespaces(self.database) if found.state == "serving"]
        if not names:
            raise UserError("the mirror is not there yet: a worker fills it, or vibe-search mirror rebuild")
        return names[0]

    async def bring_up_to_date(self) -> None:
        """Tell the mirror everything, or stay while another process does."""
        await catch_up(MirrorSync(self.database, self.store, self.settings.turbopuffer_namespace))


def status(*, as_json: bool) -> None:
    """Show which namespace serves, how far it is behind, and what the last comparison found."""
    settings = get_settings()

    async def steps(_url: str, database: Database) -> tuple[MirrorState, int]:
        return await read_state(database), await count_tracks(database)

    state, tracks = run_with_database(settings, steps)
    if as_json:
        figures = asdict(state) | {"lag_seconds": round(state.lag.total_seconds(), 3), "tracks": tracks}
        del figures["lag"]
        print_line(json.dumps(figures | {"enabled": settings.turbopuffer_enabled}, default=str, indent=2))
    else:
        print_table(make_console(), render_state(state, tracks, enabled=settings.turbopuffer_enabled))


def verify(*, as_json: bool) -> None:
    """Compare the mirror with the catalogue, document by document, and name every difference."""
    found = _with_mirror(_verify, as_json=as_json)
    _show(found, as_json=as_json)
    raise typer.Exit(bool(found.differences))


def repair_differences(*, as_json: bool) -> None:
    """Compare the mirror with the catalogue, mend exactly what differs, and compare again."""

    async def steps(mirror: _Mirror) -> tuple[Comparison, Comparison]:
        before = await _verify(mirror)
        if not before.differences:
            return before, before
        await repair(mirror.database, before)
        await mirror.bring_up_to_date()
        return before, await _verify(mirror)

    before, after = _with_mirror(steps, as_json=as_json)
    mended = len(before.differences) - len(after.differences)
    if as_json:
        print_line(json.dumps({"mended": mended} | comparison_for_machines(after), ensure_ascii=False, indent=2))
    else:
        Console().print(f"{mended:,} of {len(before.differences):,} differences mended", highlight=False)
        if after.differences:
            _show(after, as_json=False)
    raise typer.Exit(bool(after.differences))


def rebuild(*, wait: bool, as_json: bool) -> None:
    """Fill a new namespace beside the one that serves, compare it, and let it serve; the old one is dropped."""

    async def steps(mirror: _Mirror) -> MirrorState:
        await begin_rebuild(mirror.database, mirror.settings.turbopuffer_namespace)
        if wait:
            await _fill(mirror)
        return await read_state(mirror.database)

    state = _with_mirror(steps, as_json=as_json)
    if as_json:
        print_line(json.dumps({"namespace": state.namespace, "filling": state.filling}, indent=2))
    elif wait:
        Console().print(f"{state.namespace} serves", highlight=False)
    else:
        Console().print(f"{state.filling} is to be filled by a worker: vibe-search mirror status", highlight=False)


def drop(*, yes: bool, forget: bool, as_json: bool) -> None:
    """Drop the mirror with everything in it, until vibe-search mirror rebuild; searches go on with Postgres alone."""
    if not yes and not typer.confirm("Drop every namespace of the mirror?"):
        raise UserError("nothing was dropped")

    async def steps(_url: str, database: Database) -> list[str]:
        names = [found.name for found in await read_namespaces(database)]
        await retire_all(database)
        if not forget:
            mirror = _Mirror(settings, database, store, Console(stderr=True))
            try:
                await mirror.bring_up_to_date()
            finally:
                await store.close()
        return names

    settings = get_settings()
    store = build_mirror(settings)
    if not store.name and not forget:
        raise UserError("TURBOPUFFER_ENABLED: set it to true to drop the mirror, or say --forget")
    names = run_with_database(settings, steps)
    print_line(json.dumps({"dropped": names}) if as_json else f"dropped: {', '.join(names) or 'there was nothing'}")


def _with_mirror(steps: Callable[[_Mirror], Awaitable[Result]], *, as_json: bool) -> Result:
    """What some steps with the configured mirror return.

    Raises:
        UserError: There is none, or its settings are wrong.
    """
    settings = get_settings()
    store = build_mirror(settings)
    if not store.name:
        raise UserError("TURBOPUFFER_ENABLED: there is no mirror unless it is true")

    async def run(_url: str, database: Database) -> Result:
        try:
            await require_mirror(database, store, settings.turbopuffer_namespace)
            return await steps(_Mirror(settings, database, store, Console(stderr=as_json)))
        finally:
            await store.close()

    return run_with_database(settings, run)


def _progress(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


async def _verify(mirror: _Mirror) -> Comparison:
    name, total = await mirror.serving(), await count_tracks(mirror.database)
    with _progress(mirror.console) as progress:
        bar = progress.add_task("comparing", total=total, note="")
        found = await compare(
            mirror.database, mirror.store, name, show=lambda compared: progress.update(bar, completed=compared)
        )
    await record(mirror.database, found)
    return found


async def _fill(mirror: _Mirror) -> None:
    """Fill the new namespace, or watch another process fill it."""
    total = await count_tracks(mirror.database)
    with _progress(mirror.console) as progress:
        bar = progress.add_task("filling", total=total, note="")

        async def watch() -> None:
            while True:
                state = await read_state(mirror.database)
                idle = state.filling is not None and not state.filled_tracks
                note = "waits for transactions that began before" if idle else ""
                progress.update(bar, completed=state.filled_tracks or total, note=note)
                await asyncio.sleep(_POLL_SECONDS)

        watching = asyncio.create_task(watch())
        try:
            while True:
                await mirror.bring_up_to_date()
                if (await read_state(mirror.database)).filling is None:
                    return
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


def _show(found: Comparison, *, as_json: bool) -> None:
    if as_json:
        print_line(json.dumps(comparison_for_machines(found), ensure_ascii=False, indent=2))
        return
    console = make_console()
    if found.differences:
        print_table(console, render_differences(found.differences[:_LISTED]))
    if len(found.differences) > _LISTED:
        console.print(f"{len(found.differences) - _LISTED:,} more: --json lists them all", highlight=False)
    counts = ", ".join(f"{found.count(kind):,} {kind}" for kind in KINDS if found.count(kind))
    words = f"{len(found.differences):,} differences ({counts})" if found.differences else "no difference"
    console.print(f"{found.compared:,} documents of {found.namespace} compared: {words}", highlight=False)
    if found.pending:
        console.print(f"{found.pending:,} tracks have changed just now and are still to be told about", highlight=False)
