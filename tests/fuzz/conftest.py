"""A real server with a few tracks, for requests that a machine makes up."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Thread

import numpy as np
import pytest
import uvicorn

from app.auth import Scope, create_token
from app.database import Database, connect
from app.http.application import create_api
from app.providers import Providers
from app.settings import Settings
from services.audio_store import LocalAudioStore
from tests.support.catalogue import Catalogue
from tests.support.depth import cases

CASES = int(os.environ.get("FUZZ_CASES", cases(short=5, deep=15)))
"""For each endpoint, kind of caller and kind of request; `make fuzz` wants more."""

REPEATABLE = "FUZZ_CASES" not in os.environ
"""Whether each run tries the same: `make test` must not fail by chance, and `make fuzz` is to find what is new."""


@dataclass(frozen=True)
class Target:
    """What is asked.

    Attributes:
        address: Of the server.
        token: Of an artist who may upload.
    """

    address: str
    token: str


@pytest.fixture
def target(database: str, providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The server, with nobody who works: no job ends, so none is enqueued, or following it would never end."""
    folder = tmp_path_factory.mktemp("fuzz")
    settings = Settings(
        _env_file=None,
        database_url=database,
        data_dir=folder,
        rate_limit_searches=0,
        rate_limit_costly=0,
        recommended_tags_wait_seconds=0.0,
    )
    serving = replace(providers, audio_store=LocalAudioStore(settings.audio_dir), genres=None)
    token = _fill(database)
    listener = socket.create_server(("127.0.0.1", 0))
    api = create_api(database, settings, serving)
    server = uvicorn.Server(uvicorn.Config(api, log_level="critical", timeout_graceful_shutdown=1))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    yield Target(f"http://127.0.0.1:{listener.getsockname()[1]}", token)
    server.should_exit = True
    thread.join(20)
    listener.close()


def _fill(database: str) -> str:
    with connect(database) as connection:
        connection.autocommit = True
        catalogue = Catalogue(connection)
        artist = catalogue.artist("anna.example", "Anna Quay")
        vector = np.full(100, 0.1, np.float32)
        for number in range(1, 6):
            visibility = "private" if number == 5 else "public"
            track = catalogue.track(f"Harbour {number}", artist=artist, tags=("tape",), visibility=visibility)
            catalogue.embed(track, vector)
        connection.execute("delete from procrastinate_jobs")

    async def issue() -> str:
        async with Database.open(database, pool_size=1) as opened:
            issued = await create_token(opened, artist, [Scope.UPLOAD])
        return issued.token

    return asyncio.run(issue())
