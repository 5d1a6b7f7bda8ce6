"""How much one address may ask for."""

import asyncio

import httpx2
import pytest

from app.errors import UserError
from app.http.client_address import read_networks
from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import open_client


def statuses(settings: Settings, providers: Providers, *requests: tuple[str, str]) -> list[int]:
    async def steps() -> list[int]:
        async with open_client(settings, providers) as http:
            return [(await http.request(method, path)).status_code for method, path in requests]

    return asyncio.run(steps())


def test_one_more_is_refused_with_when_to_try_again(settings: Settings, providers: Providers) -> None:
    async def steps() -> list[httpx2.Response]:
        limited = settings.model_copy(update={"rate_limit_searches": 3})
        async with open_client(limited, providers) as http:
            return [await http.get("/search/", params={"q": "anything"}) for _ in range(4)]

    *before, last = asyncio.run(steps())
    assert [answer.status_code for answer in before] == [200, 200, 200]
    assert last.status_code == 429
    assert last.json()["detail"].startswith("more than 3 requests of this kind in a minute: try again in ")
    assert 1 <= int(last.headers["retry-after"]) <= 60
    assert last.headers["x-content-type-options"] == "nosniff"


def test_costly_requests_are_counted_apart(settings: Settings, providers: Providers) -> None:
    limited = settings.model_copy(update={"rate_limit_costly": 1})
    found = statuses(
        limited, providers, ("GET", "/map"), ("POST", "/tracks"), ("GET", "/map"), ("GET", "/search/?q=anything")
    )
    assert found == [200, 429, 429, 200]


@pytest.mark.parametrize("path", ["/", "/healthz", "/openapi.json", "/web/style.css"])
def test_what_costs_nothing_is_not_counted(settings: Settings, providers: Providers, path: str) -> None:
    limited = settings.model_copy(update={"rate_limit_searches": 1, "rate_limit_costly": 1})
    assert statuses(limited, providers, *[("GET", path)] * 4) == [200] * 4


def test_readiness_is_counted_apart(settings: Settings, providers: Providers) -> None:
    """A load balancer gets its answer, whatever else its address has asked for."""
    limited = settings.model_copy(update={"rate_limit_searches": 1})
    search, ready = ("GET", "/search/?q=anything"), ("GET", "/readyz")
    assert statuses(limited, providers, search, search, ready, ready) == [200, 429, 200, 429]


def test_every_address_has_its_own(settings: Settings, providers: Providers) -> None:
    """Of an IPv6 address the first half counts: a site has all of the rest. What is no address shares one count."""
    limited = settings.model_copy(update={"rate_limit_searches": 1})

    async def steps() -> list[int]:
        found = []
        async with open_client(limited, providers) as first:
            app = first._transport.app  # type: ignore[attr-defined]  # noqa: SLF001 - the same application, from elsewhere
            for address in (
                "10.0.0.1", "10.0.0.2", "10.0.0.1", "2001:db8::1", "2001:db8::2", "2001:db8:1::1", "unknown", "_hidden",
            ):  # fmt: skip
                transport = httpx2.ASGITransport(app, client=(address, 1))
                async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
                    found.append((await http.get("/models")).status_code)
        return found

    assert asyncio.run(steps()) == [200, 200, 429, 200, 429, 200, 200, 429]


@pytest.mark.parametrize(
    ("exempt", "expected"), [("127.0.0.0/8", 200), ("10.0.0.0/8, 127.0.0.1", 200), ("10.0.0.1", 429)]
)
def test_an_apps_own_servers_may_ask_for_any_number(
    settings: Settings, providers: Providers, exempt: str, expected: int
) -> None:
    limited = settings.model_copy(update={"rate_limit_searches": 1, "rate_limit_exempt": exempt})
    assert statuses(limited, providers, ("GET", "/models"), ("GET", "/models"))[-1] == expected


def test_no_limit(settings: Settings, providers: Providers) -> None:
    unlimited = settings.model_copy(update={"rate_limit_searches": 0})
    assert set(statuses(unlimited, providers, *[("GET", "/models")] * 30)) == {200}


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(UserError, match=r"RATE_LIMIT_EXEMPT: 'nowhere' .* write networks such as 10\.0\.0\.0/8"):
        read_networks("10.0.0.0/8, nowhere")


def test_who_asks_over_a_unix_socket_is_not_counted(settings: Settings, providers: Providers) -> None:
    limited = settings.model_copy(update={"rate_limit_searches": 1})

    async def steps() -> list[int]:
        async with open_client(limited, providers) as first:
            app = first._transport.app  # type: ignore[attr-defined]  # noqa: SLF001 - the same application, from elsewhere
            transport = httpx2.ASGITransport(app, client=None)  # type: ignore[arg-type]  # as uvicorn says it
            async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
                return [(await http.get("/models")).status_code for _ in range(3)]

    assert asyncio.run(steps()) == [200, 200, 200]
