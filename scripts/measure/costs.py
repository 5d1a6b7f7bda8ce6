"""Measure what a thousand tracks cost to embed and classify: seconds on this machine; money here, on Modal and before.

The worker itself does the work, on an embedded Postgres, with recordings of the sample library, made as long as songs.
What a Modal container runs is run here too, since nothing of it is Modal's own; its price is by the second.

Example:
    python -m scripts.measure.costs --tracks 28
"""

import asyncio
import base64
import io
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import numpy as np
import psycopg
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from app.cli.version import AsJson
from app.database import EmbeddedPostgres, migrate
from app.measure.sample import recordings_dir
from app.measure.sample.encoding import encode
from app.measure.speed.embedding.subject import find_subject
from app.measure.speed.stages import Stages
from app.providers import build_providers
from app.settings import Settings, get_settings
from models.audio.decoding import decode
from models.registry import Registry
from models.runtime.run_options import RunOptions
from services.clap.contract import AudioRequest
from services.clap.fetch import AudioFetcher
from services.clap.limits import Limits
from services.clap.service import EmbeddingService
from services.embedding import InProcessEmbedding
from workers.app import run_worker

SONG_SECONDS = 210
"""A usual length of a song, as in docs/why/scaling.md."""

MODAL_CORE_SECOND, MODAL_GIB_SECOND = 0.0000131, 0.00000222
MODAL_CORES, MODAL_GIB = 2, 4
"""Dollars as published in mid-2026, and what a container of services/clap/app.py has."""

MONTH_SECONDS = 30 * 24 * 3600
BEFORE = {"embedding": 1000 * 0.35 / 575, "genres": 1000 * 0.11 / 575}
"""Dollars for a thousand tracks of the system that is replaced, as it reports them for 575."""


@dataclass(frozen=True)
class Cost:
    """Of a thousand tracks.

    Attributes:
        what: What was done, and where.
        seconds: On two cores.
        dollars: At the price of what it ran on.
    """

    what: str
    seconds: float
    dollars: float


def main(
    tracks: Annotated[int, typer.Option(min=2, help="How many are timed.")] = 28,
    machine: Annotated[float, typer.Option(help="Dollars a month for two cores with 4 GiB.")] = 20.0,
    as_json: AsJson = False,
) -> None:
    """Time both models on whole songs, and print what a thousand of them cost.

    Example: python -m scripts.measure.costs --tracks 28 --machine 12
    """
    stages = Stages(Console(stderr=True))
    subject = find_subject(get_settings(), None, stages)
    here, modal = machine / MONTH_SECONDS, MODAL_CORES * MODAL_CORE_SECOND + MODAL_GIB * MODAL_GIB_SECOND
    with stages.stage("making songs", tracks) as advance:
        songs = []
        for song in _songs(tracks):
            songs.append(song)
            advance(1)
    bundled = _time_worker(Settings(_env_file=None), songs, stages)
    clap_settings = Settings(_env_file=None, embedding_model=subject.card.name, models_dir=subject.models_dir)
    clap = _time_worker(clap_settings, songs, stages)
    with stages.stage("as a container does"):
        container = _time_container(subject.models_dir, subject.card.name, songs)
    scale = 1000 / tracks
    costs = [
        Cost("musicnn-tags and genres, worker here", scale * bundled, scale * bundled * here),
        Cost("CLAP and genres, worker here", scale * clap, scale * clap * here),
        Cost("CLAP, container of the service (Modal's price)", scale * container, scale * container * modal),
    ]
    if as_json:
        typer.echo(
            json.dumps(
                {"weights": subject.weights, "costs": [vars(cost) for cost in costs], "before": BEFORE}, indent=2
            )
        )
    else:
        Console().print(_render(costs))


def _songs(number: int) -> Iterator[bytes]:
    """Recordings of the sample library, each played until it is long enough, as MP3."""
    for path in islice(cycle(sorted(recordings_dir().rglob("*.opus"))), number):
        waveform = decode(path, 44_100)
        song = np.resize(waveform, SONG_SECONDS * 44_100).astype(np.float32)
        yield encode(np.stack([song, song]), "mp3")


def _time_worker(settings: Settings, songs: list[bytes], stages: Stages) -> float:
    """Seconds until one worker has embedded and classified all of them; the model is loaded before."""
    with _database(settings) as (url, placed):
        providers = build_providers(placed)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("insert into artists (did, handle, display_name) values ('did:plc:a', 'a.example', 'A')")
            for number, song in enumerate([songs[0], *songs]):
                # a song with another end is another file: this process does not embed the same file again
                stored = providers.audio_store.put(io.BytesIO(song + os.urandom(8)), "mp3")
                values = [f"Song {number}", stored.file_id, stored.file_type]
                connection.execute(
                    "insert into tracks (artist_did, title, file_id, file_type) values ('did:plc:a', %s, %s, %s)",
                    values,
                )
                if number == 0:
                    asyncio.run(run_worker(url, placed, providers, wait=False))
            with stages.stage(f"{placed.embedding_model}, by a worker"):
                began = time.perf_counter()
                asyncio.run(run_worker(url, placed, providers, wait=False))
                seconds = time.perf_counter() - began
            done = connection.execute(
                "select count(*) from search.track_processing where embedded and classified"
            ).fetchone()
    if done != (len(songs) + 1,):
        raise RuntimeError(f"only {done} of {len(songs) + 1} tracks were processed")
    return seconds


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, Settings]]:
    with (
        tempfile.TemporaryDirectory(prefix="vibe-search-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as server,
    ):
        placed = settings.model_copy(update={"database_url": server.url, "data_dir": Path(folder) / "data"})
        migrate(server.url, build_providers(placed).embedding.card)
        yield server.url, placed


def _time_container(models_dir: Path, model: str, songs: list[bytes]) -> float:
    """Seconds of one container, one song after the other, the audio in the request; the model is loaded before."""
    provider = InProcessEmbedding(Registry(models_dir).find(model), RunOptions(threads=MODAL_CORES), max_seconds=900)
    service = EmbeddingService(provider, Limits(), AudioFetcher((), max_bytes=1, max_seconds=1))
    requests = [AudioRequest(audio_b64=base64.b64encode(song).decode()) for song in [songs[0], *songs]]
    service.embed_audio(requests[0])
    began = time.perf_counter()
    for request in requests[1:]:
        service.embed_audio(request)
    return time.perf_counter() - began


def _render(costs: list[Cost]) -> Table:
    columns = (Column(name, justify="right") for name in ("seconds", "dollars"))
    table = Table(f"1,000 tracks of {SONG_SECONDS} s", *columns, box=SIMPLE_HEAD)
    for cost in costs:
        table.add_row(cost.what, f"{cost.seconds:,.0f}", f"{cost.dollars:.3f}")
    for what, dollars in BEFORE.items():
        table.add_row(f"{what}, by the system that is replaced", "", f"{dollars:.2f}")
    return table


if __name__ == "__main__":
    typer.run(main)
