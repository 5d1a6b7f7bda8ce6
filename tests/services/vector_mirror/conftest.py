"""Every mirror, to run the tests of the interface against."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TypeVar

import pytest

from services.vector_mirror import InMemoryMirror, VectorMirror
from services.vector_mirror.turbopuffer import TurbopufferMirror
from tests.turbopuffer_server import API_KEY, TurbopufferServer, serving_turbopuffer

Result = TypeVar("Result")
Run = Callable[[Callable[[VectorMirror], Awaitable[Result]]], Result]


@contextmanager
def _memory() -> Iterator[VectorMirror]:
    yield InMemoryMirror()


@contextmanager
def _turbopuffer() -> Iterator[VectorMirror]:
    with serving_turbopuffer() as server:
        yield TurbopufferMirror(API_KEY, region="api", base_url=server.url, max_retries=0)


STORES = {"memory": _memory, "turbopuffer": _turbopuffer}


@pytest.fixture(params=STORES)
def mirror(request: pytest.FixtureRequest) -> Iterator[VectorMirror]:
    """One after the other."""
    with STORES[request.param]() as store:
        yield store


@pytest.fixture
def server() -> Iterator[TurbopufferServer]:
    """A server of turbopuffer's API."""
    with serving_turbopuffer() as running:
        yield running


@pytest.fixture
def connected(server: TurbopufferServer) -> Callable[..., AbstractAsyncContextManager[TurbopufferMirror]]:
    """Makes mirrors on that server."""

    @asynccontextmanager
    async def connect(api_key: str = API_KEY, **options: float) -> AsyncIterator[TurbopufferMirror]:
        store = TurbopufferMirror(api_key, region="api", base_url=server.url, **options)  # type: ignore[arg-type]  # whole numbers are floats
        try:
            yield store
        finally:
            await store.close()

    return connect


def run(steps: Callable[[], Awaitable[Result]], store: VectorMirror | None = None) -> Result:
    """What some steps return, in a loop of their own; the store is closed in it."""

    async def all_steps() -> Result:
        try:
            return await steps()
        finally:
            if store is not None:
                await store.close()

    return asyncio.run(all_steps())
