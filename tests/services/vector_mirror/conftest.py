"""Every mirror, to run the tests of the interface against."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest

from app.measure.turbopuffer_server import API_KEY, TurbopufferServer, serving_turbopuffer
from services.vector_mirror import InMemoryMirror, VectorMirror
from services.vector_mirror.turbopuffer import TurbopufferMirror

ROOT = Path(__file__).resolve().parents[3]

Result = TypeVar("Result")
Run = Callable[[Callable[[VectorMirror], Awaitable[Result]]], Result]


@contextmanager
def _memory(_request: pytest.FixtureRequest) -> Iterator[VectorMirror]:
    yield InMemoryMirror()


@contextmanager
def _turbopuffer(_request: pytest.FixtureRequest) -> Iterator[VectorMirror]:
    with serving_turbopuffer() as server:
        yield TurbopufferMirror(API_KEY, region="api", base_url=server.url, max_retries=0)


@contextmanager
def _documented(request: pytest.FixtureRequest) -> Iterator[VectorMirror]:
    """The one of the how-to page, as it stands there."""
    page = (ROOT / "docs" / "how-to" / "add-a-vector-store.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    module: dict[str, Any] = {"__name__": "documented"}
    exec(compile(code, "add-a-vector-store.md", "exec"), module)  # noqa: S102 - our own page
    url: str = request.getfixturevalue("empty_database")
    with psycopg.connect(url) as connection:
        connection.execute("create extension vector")
    yield module["PostgresMirror"](url)


STORES = {"memory": _memory, "turbopuffer": _turbopuffer, "documented": _documented}


@pytest.fixture(params=STORES)
def mirror(request: pytest.FixtureRequest) -> Iterator[VectorMirror]:
    """One after the other."""
    with STORES[request.param](request) as store:
        yield store


@pytest.fixture
def turbopuffer() -> Iterator[TurbopufferServer]:
    """A server of turbopuffer's API."""
    with serving_turbopuffer() as running:
        yield running


@pytest.fixture
def connected(turbopuffer: TurbopufferServer) -> Callable[..., AbstractAsyncContextManager[TurbopufferMirror]]:
    """Makes mirrors on that server."""

    @asynccontextmanager
    async def connect(api_key: str = API_KEY, **options: float) -> AsyncIterator[TurbopufferMirror]:
        store = TurbopufferMirror(api_key, region="api", base_url=turbopuffer.url, **options)  # type: ignore[arg-type]  # whole numbers are floats
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
