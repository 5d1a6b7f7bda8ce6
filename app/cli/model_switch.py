"""vibe-search models use: letting another model serve, without a moment in which none does."""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.cli.model_check import inspect_model, require_passed, show_hints
from app.database import Database, call_function, run_with_database
from app.errors import DatabaseUnavailableError, UserError
from app.processing.failures import TrackFailure
from app.processing.switch.advance import advance_switch
from app.processing.switch.model_states import ModelState, read_failures, read_model_states
from app.providers import Providers, build_providers
from app.settings import Settings, get_settings
from app.terminal import make_console, print_line, print_table
from models.registry import ModelCard, UnknownModelError
from services.embedding import EmbeddingProvider
from workers.app import run_worker

_POLL_SECONDS = 1.0
_STALLED_SECONDS = 30.0
"""After so long without progress, it is said that a worker may be missing."""


@dataclass(frozen=True)
class _Switch:
    """What every step of a switch needs."""

    console: Console
    settings: Settings
    providers: Providers
    url: str
    database: Database


def use(  # noqa: PLR0913 - each is an option of the command
    *, name: str | None, now: bool, back: bool, cancel: bool, coverage: float, work: bool, wait: bool, as_json: bool
) -> None:
    """Let another model serve: embed all tracks with it beside the present one, then swap the two."""
    if sum((name is not None, back, cancel)) != 1:
        raise UserError("say one of: the NAME of a model, --back, --cancel")
    settings = get_settings()
    providers = build_providers(settings)
    card = None if name is None else _known(providers, name)
    console = make_console(stderr=as_json)
    if card is not None:
        report = inspect_model(settings, card)
        require_passed(report)
        show_hints(console, report)

    async def steps(url: str, database: Database) -> list[ModelState]:
        switch = _Switch(console, settings, providers, url, database)
        if back:
            await _return(switch)
        elif cancel:
            await _cancel(switch)
        elif card is not None:
            await _begin(switch, card, coverage, now=now)
            if not now and wait:
                await (_work_until_served(switch, card) if work else _watch(switch, card))
        return await read_model_states(database)

    states = run_with_database(settings, steps)
    if as_json:
        print_line(json.dumps([asdict(state) for state in states], default=str, indent=2))


def database_states() -> dict[str, ModelState]:
    """The models of the configured database by identity; none when it cannot be asked."""
    with suppress(DatabaseUnavailableError, UserError):
        states = run_with_database(get_settings(), lambda _, database: read_model_states(database))
        return {state.identity: state for state in states}
    return {}


def serving_embedding() -> EmbeddingProvider:
    """The model that the configured database serves, or the configured one where the database cannot be asked.

    Raises:
        UserError: The model that serves is not known here.
    """
    providers = build_providers(get_settings())
    serving = [state.identity for state in database_states().values() if state.role == "serving"]
    if not serving:
        return providers.embedding
    embedding = providers.embedding_of(serving[0])
    if embedding is None:
        raise UserError(f"the database serves vectors of {serving[0]}, a model that is not known here")
    return embedding


def remove_store(identity: str) -> bool:
    """Drop what a model has in the configured database.

    Returns:
        Whether there was anything.

    Raises:
        UserError: The model serves, or is about to.
    """

    async def steps(_url: str, database: Database) -> bool:
        states = {state.identity: state for state in await read_model_states(database)}
        if identity in states and states[identity].role != "retired":
            raise UserError(
                f"{identity} is in use: it is {states[identity].role}. "
                "Let another model serve first (models use NAME), or give the switch up (models use --cancel)"
            )
        return bool(await call_function(database, "search.remove_model(:identity)", identity=identity))

    return run_with_database(get_settings(), steps)


def render_state(state: ModelState) -> str:
    """One model's place in the database, in words."""
    failed = state.failed + state.undecodable
    return f"{state.role} {state.embedded:,}/{state.tracks:,}" + (f", {failed:,} failed" if failed else "")


def _known(providers: Providers, name: str) -> ModelCard:
    try:
        return providers.embeddings.registry.find(name)
    except UnknownModelError as error:
        raise UserError(str(error)) from error


async def _begin(switch: _Switch, card: ModelCard, coverage: float, *, now: bool) -> None:
    """Create the store, enqueue what is missing, and with ``now`` serve."""
    model: dict[str, object] = {"name": card.name, "identity": card.identity, "dimensions": card.dimensions}
    states = await read_model_states(switch.database)
    if any(state.identity == card.identity and state.role == "serving" for state in states):
        raise UserError(f"{card.identity} serves already; models use --cancel gives up a switch that is under way")
    if now:
        async with switch.database.transaction() as transaction:
            missing = await transaction.scalar("switch_now", model)
        switch.console.print(f"{card.identity} serves; {missing:,} tracks are still to be embedded", highlight=False)
        return
    async with switch.database.transaction() as transaction:
        missing = await transaction.scalar("begin_switch", model | {"coverage": coverage})
    switch.console.print(f"{missing:,} tracks are to be embedded by {card.identity}", highlight=False)
    await advance_switch(switch.database, switch.providers)


async def _return(switch: _Switch) -> None:
    identity = await call_function(switch.database, "search.previous_model()")
    if identity is None:
        raise UserError("no model has served before the present one")
    if switch.providers.embedding_of(identity) is None:
        raise UserError(f"{identity} served before, and is not known here any more: queries could not be embedded")
    await call_function(switch.database, "search.serve_model(:identity)", identity=identity)
    missing = await call_function(switch.database, "search.enqueue_missing_embeddings(:identity)", identity=identity)
    switch.console.print(f"{identity} serves; {missing:,} tracks are still to be embedded", highlight=False)


async def _cancel(switch: _Switch) -> None:
    identity = await call_function(switch.database, "(select search.cancel_switch())")
    if identity is None:
        raise UserError("no switch is under way")
    switch.console.print(f"the switch to {identity} is given up; its vectors stay until models remove", highlight=False)


async def _work_until_served(switch: _Switch, card: ModelCard) -> None:
    working = asyncio.create_task(run_worker(switch.url, switch.settings, switch.providers))
    watching = asyncio.create_task(_watch(switch, card))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        await watching
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _watch(switch: _Switch, card: ModelCard) -> None:
    """Show the progress until the model serves; say when it cannot without help."""
    columns = (
        TextColumn("embedding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tracks"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=switch.console) as progress:
        bar = progress.add_task("tracks", total=None, note="")
        moved, done = time.monotonic(), -1
        while (state := await _state(switch.database, card)).role == "candidate":
            if state.embedded != done:
                moved, done = time.monotonic(), state.embedded
            idle = time.monotonic() - moved > _STALLED_SECONDS
            note = "nothing moves: is a worker running? (vibe-search worker)" if idle else ""
            progress.update(bar, total=state.tracks - state.undecodable, completed=done, note=note)
            if idle or state.coverage >= state.coverage_wanted:
                await advance_switch(switch.database, switch.providers)
            elif await _is_stuck(switch.database, state):
                await _report_stuck(switch, state)
            await asyncio.sleep(_POLL_SECONDS)
        progress.update(bar, total=state.tracks - state.undecodable, completed=state.embedded, note="")
    if state.role != "serving":
        raise UserError(f"the switch to {card.identity} was given up meanwhile")
    switch.console.print(f"{card.identity} serves", highlight=False)
    _show_failures(switch.console, await read_failures(switch.database, card.identity))


async def _state(database: Database, card: ModelCard) -> ModelState:
    found = [state for state in await read_model_states(database) if state.identity == card.identity]
    if not found:
        raise UserError(f"the store of {card.identity} was removed meanwhile")
    return found[0]


async def _is_stuck(database: Database, state: ModelState) -> bool:
    """Whether nothing is under way or to come, and yet too few tracks are embedded."""
    if not state.failed:
        return False
    return not await database.scalar("embedding_pending", {"identity": state.identity})


async def _report_stuck(switch: _Switch, state: ModelState) -> None:
    _show_failures(switch.console, await read_failures(switch.database, state.identity))
    raise UserError(
        f"{state.failed:,} tracks failed, and {state.coverage:.1%} is less than the coverage wanted. "
        f"Mend the cause and say models use {state.name} again to retry them, or accept fewer with --coverage"
    )


def _show_failures(console: Console, failures: list[TrackFailure]) -> None:
    if not failures:
        return
    table = Table("track", "title", "why", title="not embedded", title_justify="left")
    for failure in failures:
        table.add_row(str(failure.track_id), failure.title, failure.reason)
    print_table(console, table)
