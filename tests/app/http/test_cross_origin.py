"""What a browser is told about pages of other origins."""

import asyncio
from collections.abc import Sequence

import httpx2
import pytest

from app.errors import UserError
from app.http.cross_origin import read_origins
from app.providers import Providers
from app.search import Search
from app.settings import Settings
from tests.app.conftest import bearer, open_client

FRONT = "https://plyr.example"
PREFLIGHT = {"origin": FRONT, "access-control-request-method": "GET", "access-control-request-headers": "traceparent"}

Request = tuple[str, str, dict[str, str]]


def ask(settings: Settings, providers: Providers, *requests: Request, body: bytes = b"") -> list[httpx2.Response]:
    async def steps() -> list[httpx2.Response]:
        async with open_client(settings, providers) as http:
            return [
                await http.request(method, path, headers=headers, content=body) for method, path, headers in requests
            ]

    return asyncio.run(steps())


def crossing(settings: Settings, **changed: object) -> Settings:
    return settings.model_copy(update={"cors_origins": f"{FRONT}, https://*.plyr.example", **changed})


@pytest.mark.parametrize(
    ("text", "allowed", "refused"),
    [
        (
            "https://plyr.fm",
            ["https://plyr.fm"],
            ["http://plyr.fm", "https://plyr.fm:8443", "https://www.plyr.fm", "https://plyrxfm", "https://plyr.fm.evil.example"],
        ),
        (
            "https://*.plyr.fm",
            ["https://www.plyr.fm", "https://pr-12.plyr.fm"],
            ["https://plyr.fm", "https://a.b.plyr.fm", "https://evilplyr.fm", "https://.plyr.fm", "https://evil.example/.plyr.fm",
             "https://evil.example#.plyr.fm", "https://x@y.plyr.fm", "http://www.plyr.fm", "https://www.plyr.fm\n"],
        ),
        (
            "http://localhost:5173 , http://[::1]:5173",
            ["http://localhost:5173", "http://[::1]:5173"],
            ["http://localhost", "null"],
        ),
    ],
)  # fmt: skip
def test_an_origin_matches_as_a_whole(text: str, allowed: Sequence[str], refused: Sequence[str]) -> None:
    origins = read_origins(text)
    assert origins is not None
    assert [origin for origin in [*allowed, *refused] if origins.fullmatch(origin)] == allowed


@pytest.mark.parametrize("text", ["", " , "])
def test_none_is_named(text: str) -> None:
    assert read_origins(text) is None


@pytest.mark.parametrize(
    "entry",
    ["*", "null", "plyr.fm", "https://plyr.fm/", "https://Plyr.fm", "https://*.fm", "https://www.*.fm", "https://*", "*://plyr.fm",
     "https://plyr.fm:443", "http://plyr.fm:80", "https://plyr.fm/app", "https://me@plyr.fm", "https://**.plyr.fm", "https://*plyr.fm"],
)  # fmt: skip
def test_what_is_no_origin_is_refused(entry: str) -> None:
    with pytest.raises(UserError, match="CORS_ORIGINS: "):
        read_origins(f"https://plyr.fm,{entry}")


def test_off_by_default(settings: Settings, providers: Providers) -> None:
    preflight, search = ask(
        settings, providers, ("OPTIONS", "/search/", PREFLIGHT), ("GET", "/search/?q=anything", {"origin": FRONT})
    )
    assert preflight.status_code == 405
    assert not [name for name in search.headers if name.startswith("access-control-")]


def test_a_preflight_allows_any_header_and_is_kept(settings: Settings, providers: Providers) -> None:
    wanted = PREFLIGHT | {"access-control-request-headers": "baggage,traceparent,x-anything"}
    (answer,) = ask(crossing(settings), providers, ("OPTIONS", "/search/", wanted))
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == FRONT
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-headers"] == "baggage,traceparent,x-anything"
    assert int(answer.headers["access-control-max-age"]) >= 600
    assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_of_the_api_is_allowed(settings: Settings, providers: Providers, method: str) -> None:
    wanted = PREFLIGHT | {"access-control-request-method": method, "origin": "https://next.plyr.example"}
    (answer,) = ask(crossing(settings), providers, ("OPTIONS", "/tracks/1", wanted))
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, wanted["origin"])


def test_another_origin_is_told_nothing(settings: Settings, providers: Providers) -> None:
    other = {"origin": "https://plyr.example.evil.example"}
    preflight, search = ask(
        crossing(settings), providers,
        ("OPTIONS", "/search/", PREFLIGHT | other), ("GET", "/search/?q=anything", other),
    )  # fmt: skip
    assert preflight.status_code == 400
    for answer in (preflight, search):
        assert "access-control-allow-origin" not in answer.headers
        assert "origin" in answer.headers["vary"].lower()


def test_answers_without_an_origin_vary_by_it(settings: Settings, providers: Providers) -> None:
    """A cache that has such an answer must not give it to a page of another origin."""
    (answer,) = ask(crossing(settings), providers, ("GET", "/search/?q=anything", {}))
    assert "access-control-allow-origin" not in answer.headers
    assert {"origin", "authorization"} <= {name.strip().lower() for name in answer.headers["vary"].split(",")}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/search/?q=anything", 200),
        ("GET", "/search/?q=a", 422),
        ("GET", "/nowhere", 404),
        ("POST", "/tracks", 401),
        ("POST", "/healthz", 405),
        ("PATCH", "/tracks/1", 413),
        ("GET", "/audio/absent", 404),
    ],
)
def test_refusals_can_be_read(settings: Settings, providers: Providers, method: str, path: str, status: int) -> None:
    body = b"x" * 70_000 if status == 413 else b""
    headers = {"origin": FRONT, "content-type": "application/json"}
    (answer,) = ask(crossing(settings), providers, (method, path, headers), body=body)
    assert_readable(answer, status)


def test_an_invalid_token_is_readable(settings: Settings, providers: Providers) -> None:
    token = {"origin": FRONT, **bearer("vs_0123456789ab_" + "0" * 64)}
    (answer,) = ask(crossing(settings), providers, ("GET", "/search/?q=anything", token))
    assert_readable(answer, 401)


def test_a_database_that_is_away_is_readable(settings: Settings, providers: Providers) -> None:
    away = crossing(settings, database_url="postgresql://postgres@127.0.0.1:1/none")
    (answer,) = ask(away, providers, ("GET", "/search/?q=anything", {"origin": FRONT}))
    assert_readable(answer, 503)
    assert int(answer.headers["retry-after"]) > 0


def test_a_mistake_of_the_server_is_readable(
    settings: Settings, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(*_arguments: object, **_named: object) -> None:
        raise KeyError("an inner matter")

    monkeypatch.setattr(Search, "unified", break_down)
    (answer,) = ask(crossing(settings), providers, ("GET", "/search/?q=anything", {"origin": FRONT}))
    assert_readable(answer, 500)


def test_preflights_are_not_counted(settings: Settings, providers: Providers) -> None:
    """Else a page whose every search has one could search half as often."""
    search, preflight = ("GET", "/search/?q=anything", {"origin": FRONT}), ("OPTIONS", "/search/", PREFLIGHT)
    limited = crossing(settings, rate_limit_searches=2)
    answers = ask(limited, providers, preflight, search, preflight, search, preflight, search)
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert_readable(answers[-1], 429)
    assert "retry-after" in answers[-1].headers


def assert_readable(answer: httpx2.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == FRONT
    assert answer.headers["access-control-allow-credentials"] == "true"
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"x-request-id", "retry-after", "etag", "content-range"} <= set(exposed)
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
