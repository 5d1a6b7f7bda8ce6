"""A server with the sample library, and a browser that looks at it."""

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any, Literal, TypeAlias

import pytest
import uvicorn
from immich_memories_music import tracks_dir
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from app.auth import Scope, replace_token
from app.database import Database, EmbeddedPostgres, connect
from app.http.application import create_api
from app.measure.browser import open_browser
from app.measure.sample import load_library
from app.measure.sample.load import import_library
from app.processing.calibration import calibrate
from app.processing.library_map import draw
from app.providers import Providers
from app.settings import Settings
from services.audio_store import LocalAudioStore
from tests.support.catalogue import Catalogue
from tests.support.databases import new_database
from tests.support.recordings import encode, read_stereo
from workers.app import run_worker

# a browser shares a busy machine with other tests
expect.set_options(timeout=20_000)

Theme: TypeAlias = Literal["light", "dark"]

PHONE, DESKTOP = (390, 844), (1280, 900)

HEARD = "calm_acoustic_1"
"""The recording that is played to the microphone."""


@dataclass(frozen=True)
class Site:
    """What the browser looks at.

    Attributes:
        address: Of the server, without a slash at the end.
        settings: Of the server.
        providers: Its services, which a worker may use as well.
    """

    address: str
    settings: Settings
    providers: Providers

    @property
    def database(self) -> str:
        """URL of its database."""
        return str(self.settings.database_url)

    def drain(self) -> None:
        """Run a worker until the queue is empty."""
        in_thread(lambda: asyncio.run(run_worker(self.database, self.settings, self.providers, wait=False)))

    def token(self) -> str:
        """A token to upload with, as an artist of the sample library."""

        async def issue() -> str:
            did = load_library().artists[0].did
            async with Database.open(self.database, pool_size=1) as opened:
                return (await replace_token(opened, did, [Scope.UPLOAD], label="the page's tests")).token

        token: str = in_thread(lambda: asyncio.run(issue()))
        return token


@pytest.fixture(scope="package")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the browser's microphone hears: a recording of the sample library."""
    path = tmp_path_factory.mktemp("microphone") / "heard.wav"
    path.write_bytes(encode(read_stereo(HEARD, 44_100), "wav"))
    return path


@pytest.fixture(scope="package")
def browser(heard: Path) -> Iterator[Browser]:
    """Debian's Chromium, with a microphone. It ends with these tests."""
    microphone = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={heard}"]
    with open_browser(microphone) as opened:
        yield opened


@pytest.fixture(scope="package")
def site(
    server: EmbeddedPostgres, template: str, providers: Providers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The sample library behind the real server, its vectors made of what its recordings are called."""
    with new_database(server, template) as url:
        settings = Settings(
            _env_file=None, database_url=url, data_dir=tmp_path_factory.mktemp("web"), semantic_deadline_seconds=10.0
        )
        providers = replace(providers, audio_store=LocalAudioStore(settings.audio_dir))
        in_thread(_fill, url, providers)
        with _serving(settings, providers) as address:
            yield Site(address, settings, providers)


def in_thread(function: Any, *arguments: Any) -> Any:
    """What a function returns that needs a thread without an event loop."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function, *arguments).result()


def _fill(url: str, providers: Providers) -> None:
    library = load_library()

    async def load() -> None:
        async with Database.open(url, pool_size=1) as opened:
            await import_library(opened, providers.audio_store, library, tracks_dir())

    asyncio.run(load())
    with connect(url) as connection:
        connection.autocommit = True
        catalogue = Catalogue(connection)
        file_of = {track.title: track.file for track in library.tracks}
        for track, title in connection.execute("select id, title from tracks order by id").fetchall():
            words = Path(file_of[str(title)]).stem.replace("_", " ")
            catalogue.embed(int(str(track)), providers.embedding.embed_text(words))
        # these tests do not need the recordings processed: a worker of a test has only that test's jobs
        connection.execute("delete from procrastinate_jobs")

    async def finish() -> None:
        async with Database.open(url, pool_size=1) as opened:
            assert await calibrate(opened, providers.embedding)
            assert await draw(opened) == len(library.tracks)

    asyncio.run(finish())


class _serving:  # noqa: N801 - used as a function is
    """Run the application on a free port, in a thread."""

    def __init__(self, settings: Settings, providers: Providers) -> None:
        api = create_api(str(settings.database_url), settings, providers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(api, log_level="warning", timeout_graceful_shutdown=2))
        self._thread = Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *_error: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._listener.close()


@pytest.fixture(params=["light"])
def theme(request: pytest.FixtureRequest) -> Theme:
    """What the system prefers."""
    preferred: Theme = request.param
    return preferred


@pytest.fixture(params=[DESKTOP], ids=["desktop"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Width and height of the window."""
    wanted: tuple[int, int] = request.param
    return wanted


@pytest.fixture
def page(browser: Browser, site: Site, theme: Theme, size: tuple[int, int]) -> Iterator[Page]:
    """The page, opened; it may say nothing in the console."""
    context = browser.new_context(
        base_url=site.address,
        color_scheme=theme,
        viewport={"width": size[0], "height": size[1]},
        locale="en-GB",
        permissions=["microphone"],
    )
    context.set_default_timeout(30_000)
    opened = context.new_page()
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            said.append(message.text)

    opened.on("console", note)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto("/")
    yield opened
    context.close()
    expected: list[str] = getattr(opened, "expected_errors", [])
    assert [text for text in said if not any(part in text for part in expected)] == []
