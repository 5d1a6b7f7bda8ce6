"""Fetching from addresses that others choose."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from services.clap.fetch import AudioFetcher, is_public
from services.clap.limits import RefusedError
from tests.support.serving import serving

LOOPBACK = frozenset({"127.0.0.1"})


def create_origin(seen: list[Request]) -> FastAPI:
    """A host with recordings, and with traps."""
    origin = FastAPI()

    @origin.get("/song")
    def song(request: Request) -> Response:
        seen.append(request)
        return Response(b"x" * 1000)

    @origin.get("/large")
    def large() -> StreamingResponse:
        return StreamingResponse(b"x" * 1000 for _ in range(100))

    @origin.get("/trickle")
    async def trickle() -> StreamingResponse:
        async def drops() -> AsyncIterator[bytes]:
            while True:
                yield b"x"
                await asyncio.sleep(0.05)

        return StreamingResponse(drops())

    @origin.get("/away")
    def away(to: str) -> RedirectResponse:
        return RedirectResponse(to)

    return origin


@pytest.fixture(scope="module")
def seen() -> list[Request]:
    """Requests for the song."""
    return []


@pytest.fixture(scope="module")
def origin(seen: list[Request]) -> Iterator[str]:
    """Its address."""
    with serving(create_origin(seen)) as address:
        yield address


def fetcher(*origins: str, **options: Any) -> AudioFetcher:
    chosen: dict[str, Any] = {"max_bytes": 5_000, "max_seconds": 5.0, "trusted_addresses": LOOPBACK} | options
    return AudioFetcher(tuple(origin.removeprefix("http://") for origin in origins), **chosen)


def refusal(fetched: Callable[[], object]) -> RefusedError:
    with pytest.raises(RefusedError) as refused:
        fetched()
    return refused.value


def test_a_recording_comes_as_it_is(origin: str, seen: list[Request]) -> None:
    assert fetcher(origin).fetch(f"{origin}/song?a=b%20c").read() == b"x" * 1000
    assert seen[-1].headers["host"] == origin.removeprefix("http://")
    assert str(seen[-1].url) == f"{origin}/song?a=b%20c"


def test_a_name_is_asked_for_by_its_name(origin: str, seen: list[Request]) -> None:
    named = origin.replace("127.0.0.1", "localhost")
    assert fetcher(named).fetch(f"{named}/song").read() == b"x" * 1000
    assert seen[-1].headers["host"] == named.removeprefix("http://")


def test_redirects_are_followed_to_allowed_hosts_only(origin: str) -> None:
    follow = fetcher(origin)
    assert follow.fetch(f"{origin}/away?to=/song").read() == b"x" * 1000
    assert "example.org is not among" in str(refusal(lambda: follow.fetch(f"{origin}/away?to=https://example.org/x")))
    assert "https:// or http://" in str(refusal(lambda: follow.fetch(f"{origin}/away?to=file:///etc/passwd")))


def test_more_than_three_redirects() -> None:
    loop = FastAPI()

    @loop.get("/")
    def again() -> RedirectResponse:
        return RedirectResponse("/")

    with serving(loop) as address:
        assert "more than 3 redirects" in str(refusal(lambda: fetcher(address).fetch(f"{address}/")))


def test_an_allowed_host_that_is_private(origin: str) -> None:
    """As when the name of an allowed host is made to point inwards."""
    follow = fetcher(origin, trusted_addresses=frozenset())
    assert str(refusal(lambda: follow.fetch(f"{origin}/song"))) == "127.0.0.1 is a private address"


def test_a_redirect_to_a_private_address(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first host is harmless, the second bears an allowed name and lies within."""
    real = socket.getaddrinfo

    def resolve(host: str, *rest: Any, **more: Any) -> Any:
        return real("169.254.169.254" if host == "inside.example" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    follow = fetcher(origin, "inside.example")
    refused = refusal(lambda: follow.fetch(f"{origin}/away?to=http://inside.example/latest/meta-data"))
    assert str(refused) == "inside.example is a private address"


def test_the_connection_goes_to_the_address_that_was_looked_at(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that points elsewhere the second time it is looked up."""
    real, asked = socket.getaddrinfo, []

    def resolve(host: str, *rest: Any, **more: Any) -> Any:
        if host == "music.example":
            asked.append(host)
            return real("127.0.0.1" if len(asked) == 1 else "10.0.0.1", *rest, **more)
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    port = origin.rpartition(":")[2]
    assert fetcher(f"music.example:{port}").fetch(f"http://music.example:{port}/song").read() == b"x" * 1000
    assert asked == ["music.example"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://a.example/x", "https:// or http://"),
        ("file:///etc/passwd", "https:// or http://"),
        ("nonsense", "https:// or http://"),
        ("http://", "https:// or http://"),
        ("http://a.example:99999/", "not an address"),
        ("http://[::1/", "not an address"),
        ("http://user:word@a.example/x", "name or password"),
        ("http://b.example/x", "b.example is not among the hosts"),
        ("http://sub.a.example/x", "sub.a.example is not among the hosts"),
        ("http://a.example.evil.example/x", "is not among the hosts"),
        ("http://a.example:8080/x", "is not among the hosts"),
        ("http://a.example#@b.example/x", "cannot be found"),
        ("http://a.example/x", "cannot be found"),
    ],
)
def test_addresses_that_are_not_fetched(url: str, words: str) -> None:
    refused = refusal(lambda: fetcher("a.example").fetch(url, "items", 3, "audio_url"))
    assert words in str(refused)
    assert (refused.status, refused.field) == (422, ("items", 3, "audio_url"))


def test_no_origin_is_allowed_unless_it_is_named(origin: str) -> None:
    assert "is not among the hosts" in str(refusal(lambda: fetcher().fetch(f"{origin}/song")))


def test_what_is_too_large_is_not_collected(origin: str) -> None:
    refused = refusal(lambda: fetcher(origin).fetch(f"{origin}/large"))
    assert (refused.status, "more than 5000 bytes" in str(refused)) == (413, True)
    assert refusal(lambda: fetcher(origin, max_bytes=999).fetch(f"{origin}/song")).status == 413


def test_a_trickle_is_given_up(origin: str) -> None:
    refused = refusal(lambda: fetcher(origin, max_seconds=0.3).fetch(f"{origin}/trickle"))
    assert str(refused) == "the recording did not come within 0.3 s"


def test_a_host_that_is_down() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert "cannot be fetched from" in str(refusal(lambda: fetcher(address).fetch(f"{address}/song")))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::", "::7f00:1",
        "2001:db8::1", "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "64:ff9b:1::8.8.8.8", "64:ff9b:1:a::1", "fec0::1",
        "feff::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)
