"""vibe-search demo: everything at once on the sample library."""

import asyncio
import logging
import socket
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from app.auth import Scope, replace_token
from app.cli.search import render_answer
from app.cli.serve import listen, serve_api
from app.database import Database, EmbeddedPostgres, grant_embedded, migrate, open_embedded
from app.measure.sample import import_library, load_library, recordings_dir
from app.processing.calibration import calibrate
from app.processing.library_map import draw
from app.providers import Providers, build_providers
from app.search import Search, ServingModel
from app.settings import Settings, get_settings
from app.terminal import make_console, print_table
from services.embedding import EmbeddingProvider
from workers.app import run_worker

EXAMPLES = (
    ("an exact title", "Theodolite"),
    ("a title with a typo", "tributeries of the elde"),
    ("an artist's first letters", "mari"),
    ("a description of a sound", "calm acoustic guitar"),
)
"""What the demo searches for, and why."""

UPLOADER = "Ines Valdoro"
"""The artist of the sample library whose token the demo prints."""

LABEL = "vibe-search demo"
"""Of the token that each start replaces."""

_POLL_SECONDS = 0.1


def demo(*, once: bool, port: int | None) -> None:
    """Import the sample library into an embedded Postgres, embed, classify and search it, and serve it until Ctrl-C."""
    # never the configured database: the sample does not belong among a user's own tracks
    settings = get_settings().model_copy(update={"database_url": None})
    console = Console()
    recordings = recordings_dir()
    # the queue logs each failure; here they are listed under the progress bar
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    listener = None if once else listen(settings.http_host, port or settings.http_port)
    providers = build_providers(settings)
    with open_embedded(settings) as server:
        for step in migrate(server.url, providers.embedding.card):
            console.print(f"[dim]migrated[/] {step}", highlight=False)
        grant_embedded(server.url)
        try:
            asyncio.run(_run(_Demo(console, settings, providers, server), recordings, listener))
        except KeyboardInterrupt:
            if listener is None:
                raise
    console.print("Stopped." if listener else "Done.")


class _Demo:
    """What the steps of the demo share."""

    def __init__(self, console: Console, settings: Settings, providers: Providers, server: EmbeddedPostgres) -> None:
        self.console = console
        self.settings = settings
        self.providers = providers
        self.owner_url = server.url
        self.url = server.application_url


async def _run(demo: _Demo, recordings: Path, listener: socket.socket | None) -> None:
    async with Database.open(demo.owner_url, pool_size=2) as database:
        working = asyncio.create_task(run_worker(demo.url, demo.settings, demo.providers))
        try:
            added = await import_library(database, demo.providers.audio_store, load_library(), recordings)
            if added:
                demo.console.print(f"imported {added} tracks; each insert enqueued its jobs")
            embedding = await _serve_known_model(demo, database)
            if await _drain(demo, database, working):
                # the worker may have calibrated half of the library meanwhile
                await calibrate(database, embedding, at_once=True)
                await draw(database)
            await _show_failures(demo.console, database)
            await _show_searches(demo, database)
            if listener is not None:
                await _show_token(demo, database)
                await _serve(demo, listener)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def _serve_known_model(demo: _Demo, database: Database) -> EmbeddingProvider:
    """The serving model; a newer version may no longer know the one that an earlier start has left."""
    in_use = await database.all("models_in_use")
    serving = [demo.providers.embedding_of(row.identity) for row in in_use if row.serving]
    if serving and serving[0] is not None:
        return serving[0]
    card = demo.providers.embedding.card
    parameters = {"name": card.name, "identity": card.identity, "dimensions": card.dimensions}
    async with database.transaction() as transaction:
        enqueued = await transaction.scalar("switch_now", parameters)
    if enqueued:
        demo.console.print(f"the model has changed: {enqueued} tracks are embedded anew", highlight=False)
    return demo.providers.embedding


async def _drain(demo: _Demo, database: Database, working: "asyncio.Task[None]") -> bool:
    """Watch the queue until nothing is left but jobs that wait for a later attempt; whether there was any work."""
    pending = await _pending(database)
    if pending.pending == pending.waiting_to_retry:
        return False
    total, started = pending.tracks_pending, time.monotonic()
    columns = (
        TextColumn("embedding and classifying"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tracks  {task.fields[rate]:.1f}/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=demo.console) as progress:
        bar = progress.add_task("jobs", total=total, rate=0.0)
        while pending.pending > pending.waiting_to_retry:
            if working.done():
                working.result()
                raise RuntimeError("the worker stopped before the queue was empty")
            await asyncio.sleep(_POLL_SECONDS)
            pending = await _pending(database)
            done = total - pending.tracks_pending
            progress.update(bar, completed=done, rate=done / (time.monotonic() - started))
    return True


async def _pending(database: Database) -> Any:  # noqa: ANN401 - a row of drain_progress.sql
    return await database.one("drain_progress")


async def _show_failures(console: Console, database: Database) -> None:
    for failure in await database.all("failed_tracks"):
        words = Text.assemble(("failed", "red"), f" {failure.task} of “{failure.title}”: {failure.reason}")
        console.print(words, highlight=False)


async def _show_searches(demo: _Demo, database: Database) -> None:
    serving = ServingModel(demo.providers)
    await serving.refresh(database)
    search = Search.from_settings(database, serving, demo.settings, demo.providers.mirror)
    await search.unified(
        EXAMPLES[0][1]
    )  # the first statement of a connection reads the catalogues; show the usual time
    for purpose, text in EXAMPLES:
        answer = await search.unified(text, limit=3)
        demo.console.print(f"\n[bold]{purpose}[/]", highlight=False)
        print_table(make_console(), render_answer(text, answer))


async def _show_token(demo: _Demo, database: Database) -> None:
    """Print a token to upload with, in the place of the one that the last start has printed."""
    did = next(artist.did for artist in load_library().artists if artist.display_name == UPLOADER)
    issued = await replace_token(database, did, [Scope.UPLOAD], label=LABEL)
    demo.console.print(f"\ntoken for uploads as {UPLOADER}: {issued.token}", highlight=False, soft_wrap=True)


async def _serve(demo: _Demo, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    demo.console.print(f"[bold]http://{host}:{port}[/]  (API: /openapi.json)  Ctrl-C stops everything", highlight=False)
    await serve_api(demo.url, listener)
