"""What browsers are told about every answer."""

import asyncio

import httpx2
import pytest

from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import open_client

PAGE = "default-src 'self'; img-src 'self' https: data:; media-src 'self'; frame-ancestors 'none'"
DATA = "default-src 'none'; frame-ancestors 'none'"


def ask(settings: Settings, providers: Providers, method: str, path: str) -> httpx2.Response:
    async def steps() -> httpx2.Response:
        async with open_client(settings, providers) as http:
            return await http.request(method, path)

    return asyncio.run(steps())


@pytest.mark.parametrize(
    ("method", "path", "status", "policy"),
    [
        ("GET", "/", 200, PAGE),
        ("GET", "/web/page.js", 200, PAGE),
        ("GET", "/search/?q=anything", 200, DATA),
        ("GET", "/search/", 422, DATA),
        ("GET", "/nowhere", 404, DATA),
        ("GET", "/audio/0", 404, DATA),
        ("POST", "/tracks", 401, DATA),
        ("POST", "/healthz", 405, DATA),
    ],
)
def test_every_answer_has_them(
    settings: Settings, providers: Providers, method: str, path: str, status: int, policy: str
) -> None:
    answer = ask(settings, providers, method, path)
    assert answer.status_code == status
    assert answer.headers.get_list("content-security-policy") == [policy]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["permissions-policy"].startswith("microphone=(self), camera=()")
    assert "server" not in answer.headers


def test_postgres_away_too(providers: Providers) -> None:
    answer = ask(
        Settings(_env_file=None, database_url="postgresql://nobody@127.0.0.1:1/none"), providers, "GET", "/map"
    )
    assert answer.status_code == 503
    assert answer.headers["content-security-policy"] == DATA
