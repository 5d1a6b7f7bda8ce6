"""Clients that take their time, on raw sockets of a real server."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import FastAPI, Request

from services.slow_clients import Allowance, BodyRate, bounded_head
from tests.support.serving import serving

SHORT = 0.2
HEAD = b"GET /now HTTP/1.1\r\nhost: test\r\n\r\n"


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    parts = urlsplit(address)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=60) as client:
        yield client


def read_to_end(client: socket.socket) -> bytes:
    """All that the server sends until it closes the connection."""
    received = b""
    try:
        while piece := client.recv(65536):
            received += piece
    except ConnectionResetError:
        # it was closed while the client was still sending
        pass
    return received


def read_answer(client: socket.socket) -> bytes:
    """An answer of a few bytes, whose body is its end."""
    received = b""
    while b'"done"' not in received:
        piece = client.recv(65536)
        assert piece, received
        received += piece
    return received


@pytest.fixture
def api() -> FastAPI:
    """Answers at once, or once it may, or to a body."""
    api = FastAPI()
    api.state.may_answer = threading.Event()

    @api.get("/now")
    async def now() -> str:
        return "done"

    @api.get("/later")
    async def later() -> str:
        await asyncio.to_thread(api.state.may_answer.wait, 60)
        return "done"

    @api.post("/unread")
    async def unread() -> str:
        return "done"

    @api.post("/body")
    async def body(request: Request) -> str:
        await request.body()
        return "done"

    return api


@contextmanager
def bounded(api: FastAPI, *, head: float = 60.0) -> Iterator[str]:
    config = uvicorn.Config(api, http=bounded_head(head), log_level="error", timeout_graceful_shutdown=2)
    with serving(api, config) as address:
        yield address


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost: test\r\nx-more: "])
def test_a_head_that_does_not_come_ends_the_connection(api: FastAPI, sent: bytes) -> None:
    with bounded(api, head=SHORT) as address, connected(address) as client:
        client.sendall(sent)
        assert read_to_end(client) == b""


def test_the_next_head_of_a_connection_is_bounded_as_well(api: FastAPI) -> None:
    with bounded(api, head=SHORT) as address, connected(address) as client:
        client.sendall(HEAD)
        assert read_answer(client).startswith(b"HTTP/1.1 200")
        client.sendall(HEAD[:-2])
        assert read_to_end(client) == b""


def test_an_answer_may_take_longer_than_a_head(api: FastAPI) -> None:
    with bounded(api, head=SHORT) as address, connected(address) as waiting:
        waiting.sendall(HEAD.replace(b"/now", b"/later"))
        for _ in range(2):
            # the bound passes while the answer is waited for
            with connected(address) as idle:
                assert read_to_end(idle) == b""
        api.state.may_answer.set()
        assert read_answer(waiting).startswith(b"HTTP/1.1 200")


def test_a_body_that_is_not_read_ends_with_its_answer(api: FastAPI) -> None:
    with bounded(api, head=SHORT) as address, connected(address) as client:
        client.sendall(b"POST /unread HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000\r\n\r\n")
        assert read_answer(client).startswith(b"HTTP/1.1 200")
        # a byte now and then would have kept the connection open
        client.sendall(b"x")
        assert read_to_end(client) == b""


def test_a_body_that_does_not_come_gets_408(api: FastAPI) -> None:
    api.add_middleware(BodyRate, bytes_per_second=10**9, seconds=SHORT)
    with bounded(api) as address, connected(address) as client:
        client.sendall(b"POST /body HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000000\r\n\r\n")
        answer = read_to_end(client)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer
    assert b"more slowly than 1000000000 bytes a second: try again" in answer


def test_a_body_that_trickles_gets_408(api: FastAPI) -> None:
    """Asked on the level of ASGI: a socket that is closed while its client sends may lose the answer."""
    # all of its bytes earn less than a client may fall behind, and take longer than that
    pieces, seconds = 10**6, 0.01
    api.add_middleware(BodyRate, bytes_per_second=10**9, seconds=seconds)
    sent: list[Any] = []
    left = iter(range(pieces))

    async def receive() -> Any:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x", "more_body": next(left, None) is not None}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/body",
        "raw_path": b"/body", "root_path": "", "query_string": b"", "headers": [], "scheme": "http",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    asyncio.run(api(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert b"more slowly than 1000000000 bytes a second: try again" in sent[1]["body"]


def test_only_the_time_of_the_client_counts(api: FastAPI) -> None:
    """A request without a body, and an answer that is waited for, are not given up."""
    api.add_middleware(BodyRate, bytes_per_second=10**9, seconds=SHORT)
    with bounded(api, head=SHORT) as address, connected(address) as waiting:
        waiting.sendall(HEAD.replace(b"/now", b"/later"))
        for _ in range(2):
            with connected(address) as idle:
                assert read_to_end(idle) == b""
        api.state.may_answer.set()
        assert read_answer(waiting).startswith(b"HTTP/1.1 200")


def test_any_rate(api: FastAPI) -> None:
    api.add_middleware(BodyRate, bytes_per_second=0, seconds=0.001)
    with bounded(api) as address, connected(address) as client:
        client.sendall(b"POST /body HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\n")
        # the body comes after an answer to another client
        with connected(address) as other:
            other.sendall(HEAD)
            read_answer(other)
        client.sendall(b"xx")
        assert read_answer(client).startswith(b"HTTP/1.1 200")


def test_an_allowance_is_spent_and_earned() -> None:
    allowance = Allowance(seconds=10.0, bytes_per_second=100.0)
    allowance.account(waited=4.0, received=100)
    assert allowance.seconds == pytest.approx(7.0)
    # being fast earns no more than there was
    allowance.account(waited=0.0, received=10**6)
    assert allowance.seconds == pytest.approx(10.0)
    # twice the rate goes on for ever, half of it does not
    for _ in range(100):
        allowance.account(waited=1.0, received=200)
    assert allowance.seconds == pytest.approx(10.0)
    for _ in range(20):
        allowance.account(waited=1.0, received=50)
    assert allowance.seconds == pytest.approx(0.0)


def test_the_disconnect_behind_a_body_is_waited_for() -> None:
    """A stream waits for it for as long as it is open."""

    async def application(_scope: Any, receive: Any, _send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"

    async def steps() -> None:
        gone, asked = asyncio.Event(), asyncio.Event()
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            if messages:
                return messages.pop()
            asked.set()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(_message: Any) -> None:
            """Nothing is sent."""

        app = BodyRate(application, bytes_per_second=1, seconds=0.0)
        running = asyncio.create_task(app({"type": "http"}, receive, send))
        await asked.wait()
        # a bound of no time is over by the next turn of the loop
        for _ in range(3):
            await asyncio.sleep(0)
        assert not running.done()
        gone.set()
        await running

    asyncio.run(steps())
