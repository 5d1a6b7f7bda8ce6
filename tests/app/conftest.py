"""The real application in this process, and on a socket."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from filelock import FileLock
from numpy import float32
from numpy.typing import NDArray

from app.auth import IssuedToken, Scope, create_token
from app.database import Database
from app.http.application import create_api
from app.measure.sample import load_library
from app.providers import Providers
from app.settings import Settings
from tests.support.catalogue import Catalogue
from tests.support.recordings import sample

Get = Callable[..., httpx2.Response]
Post = Callable[..., httpx2.Response]
Issue = Callable[..., IssuedToken]

RECORDINGS = {
    "calm_acoustic_s411": 68, "calm_electronic_s522": 72, "energetic_acoustic_1": 132, "energetic_electronic_2": 150,
    "happy_acoustic_1": 110, "happy_electronic_1": 123, "nostalgic_acoustic_1": 78, "nostalgic_electronic_2": 84,
    "tender_acoustic_1": 90, "tender_electronic_1": 99,
}  # fmt: skip
"""One recording of each kind in the sample, and its tempo in beats a minute by the licence file of the package."""


@asynccontextmanager
async def open_client(settings: Settings, providers: Providers) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an application that has started."""
    api = create_api(str(settings.database_url), settings, providers)
    async with api.router.lifespan_context(api):
        transport = httpx2.ASGITransport(app=api)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@pytest.fixture
def with_client(settings: Settings, providers: Providers) -> Callable[[Callable[..., Coroutine[Any, Any, Any]]], Any]:
    """Runs an async function with a client of the started application."""

    def run(steps: Callable[[httpx2.AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
        async def session() -> Any:
            async with open_client(settings, providers) as client:
                return await steps(client)

        return asyncio.run(session())

    return run


@pytest.fixture
def get(with_client: Callable[..., Any]) -> Get:
    """GET one path of the started application."""

    def request(path: str, **options: Any) -> httpx2.Response:
        async def steps(client: httpx2.AsyncClient) -> httpx2.Response:
            return await client.get(path, **options)

        response: httpx2.Response = with_client(steps)
        return response

    return request


@pytest.fixture
def post(with_client: Callable[..., Any]) -> Post:
    """POST to one path of the started application."""

    def request(path: str, **options: Any) -> httpx2.Response:
        async def steps(client: httpx2.AsyncClient) -> httpx2.Response:
            return await client.post(path, **options)

        response: httpx2.Response = with_client(steps)
        return response

    return request


@pytest.fixture
def issue(database: str) -> Issue:
    """Makes a token of an artist for some scopes."""

    def make(did: str | None, *scopes: Scope, **options: Any) -> IssuedToken:
        async def steps() -> IssuedToken:
            async with Database.open(database, pool_size=1) as opened:
                return await create_token(opened, did, scopes or [Scope.READ], **options)

        return asyncio.run(steps())

    return make


def bearer(token: IssuedToken | str) -> dict[str, str]:
    """The header that sends a token."""
    return {"authorization": f"Bearer {token if isinstance(token, str) else token.token}"}


@pytest.fixture(scope="session")
def heard(providers: Providers, shared_folder: Path) -> Callable[[str], NDArray[float32]]:
    """The real model's vector of a recording of the sample; each is embedded once in a run."""

    @cache
    def listen(name: str) -> NDArray[float32]:
        path = shared_folder / f"{name}.npy"
        with FileLock(f"{path}.lock"):
            if not path.exists():
                with sample(name).open("rb") as audio:
                    np.save(path, providers.embedding.embed_audio(audio))
            vector: NDArray[float32] = np.load(path)
            return vector

    return listen


@pytest.fixture
def sounding(catalogue: Catalogue, heard: Callable[[str], NDArray[float32]]) -> dict[str, int]:
    """RECORDINGS as embedded tracks, by name; their titles say nothing about their sound."""
    title_of = {entry.file.partition("/")[2].removesuffix(".opus"): entry.title for entry in load_library().tracks}
    ids = {name: catalogue.track(title_of[name], file_id=name, file_type="opus") for name in RECORDINGS}
    for name, track in ids.items():
        catalogue.embed(track, heard(name))
    return ids
