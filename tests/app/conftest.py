"""The real application in this process, and on a socket."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.api import create_api
from app.providers import Providers
from app.settings import Settings

Get = Callable[..., httpx.Response]


@asynccontextmanager
async def open_client(settings: Settings, providers: Providers) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that has started."""
    api = create_api(str(settings.database_url), settings, providers)
    async with api.router.lifespan_context(api):
        transport = httpx.ASGITransport(app=api)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@pytest.fixture
def with_client(settings: Settings, providers: Providers) -> Callable[[Callable[..., Coroutine[Any, Any, Any]]], Any]:
    """Runs an async function with a client of the started application."""

    def run(steps: Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
        async def session() -> Any:
            async with open_client(settings, providers) as client:
                return await steps(client)

        return asyncio.run(session())

    return run


@pytest.fixture
def get(with_client: Callable[..., Any]) -> Get:
    """GET one path of the started application."""

    def request(path: str, **options: Any) -> httpx.Response:
        async def steps(client: httpx.AsyncClient) -> httpx.Response:
            return await client.get(path, **options)

        response: httpx.Response = with_client(steps)
        return response

    return request
