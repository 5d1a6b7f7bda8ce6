"""The socket that the API is served on."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from urllib.parse import urlsplit

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI, Response

from app.cli.serve import bind, listen, serve_api, server_config
from app.errors import UserError
from app.http.routes import health
from app.settings import Settings
from tests.support.serving import serving


def test_answers_are_sent_at_once() -> None:
    """Without TCP_NODELAY the second half of an answer waits for the client to acknowledge the first, often 40 ms."""
    accepted: list[int] = []

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def serve(listener: socket.socket) -> None:
        async with await asyncio.start_server(accept, sock=listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await reader.read()
            writer.close()
            await writer.wait_closed()

    with closing(listen("127.0.0.1", 0)) as listener:
        asyncio.run(serve(listener))
    assert accepted
    assert accepted[0] != 0


def test_a_process_that_starts_refuses_connections_until_it_can_answer() -> None:
    """A proxy then asks another process; on a socket that listens its requests would wait."""
    refused: list[bool] = []

    @asynccontextmanager
    async def start(_api: FastAPI) -> AsyncIterator[None]:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(listener.getsockname())
        refused.append(True)
        yield

    api = FastAPI(lifespan=start)
    api.include_router(health.router)
    with closing(bind("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(server_config(api, Settings(_env_file=None)))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the application did not start"
            time.sleep(0.01)
        assert httpx2.get(f"http://127.0.0.1:{listener.getsockname()[1]}/healthz", timeout=60).status_code == 200
        server.should_exit = True
        thread.join()
    assert refused


def test_a_port_that_is_taken_is_named() -> None:
    with closing(listen("127.0.0.1", 0)) as listener, pytest.raises(UserError, match="choose another port with HTTP"):
        bind(*listener.getsockname())


def test_of_two_processes_that_start_at_once_the_second_says_why_it_ends(database: str) -> None:
    with closing(bind("127.0.0.1", 0)) as first, closing(bind(*first.getsockname())) as second:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(UserError, match=f"127.0.0.1:{port} cannot be listened on: Address already in use"):
            asyncio.run(serve_api(database, second))


LIMIT = 5
SILENT = 60
ASK = b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n"


def bounded(api: FastAPI, keep_alive: int = 3600) -> uvicorn.Config:
    """How the API is served, with a small bound, and idle clients that only the bound closes."""
    config = server_config(api, Settings(_env_file=None, http_connections=LIMIT, http_header_seconds=3600))
    config.timeout_keep_alive = keep_alive
    return config


def connect(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=60)


def read_health(client: socket.socket) -> bytes:
    """The answer of /healthz, which may come in pieces."""
    received = b""
    while not received.endswith(b"}"):
        piece = client.recv(65536)
        assert piece, received
        received += piece
    return received


def is_closed(client: socket.socket) -> bool:
    """Wait for what the server sends; whether that is the end."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "sent",
    [b"", ASK[:-2] + b"x-more: ", ASK],
    ids=["silent", "half a head", "idle after an answer"],
)
def test_connections_are_bounded(sent: bytes) -> None:
    """The oldest idle ones make room, so that idle clients lock no others out."""
    api = FastAPI()
    api.include_router(health.router)
    with serving(api, bounded(api)) as address, ExitStack() as stack:
        clients = []
        for _ in range(SILENT):
            client = stack.enter_context(connect(address))
            client.sendall(sent)
            if sent == ASK:
                assert read_health(client).startswith(b"HTTP/1.1 200")
            clients.append(client)
        assert httpx2.get(f"{address}/healthz", timeout=60).json() == {"status": "ok"}
        surplus = SILENT + 1 - LIMIT
        assert all(is_closed(client) for client in clients[:surplus])
        # those that came last are still served
        for client in clients[surplus:]:
            client.sendall(b"\r\n\r\n" if sent.endswith(b": ") else ASK)
            assert read_health(client).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("keep_alive", [0, 3600])
def test_a_client_that_has_not_read_its_answer_makes_room_too(keep_alive: int) -> None:
    """Its connection has bytes left to send, and would wait for the client even after the server has closed it."""
    api = FastAPI()

    @api.get("/long")
    async def send_long() -> Response:
        # more than the sockets hold
        return Response(b"x" * 16_000_000)

    api.include_router(health.router)
    with serving(api, bounded(api, keep_alive)) as address, ExitStack() as stack:
        for _ in range(2 * LIMIT):
            client = stack.enter_context(connect(address))
            client.sendall(b"GET /long HTTP/1.1\r\nhost: test\r\n\r\n")
            # the answer has begun
            client.recv(1)
        assert httpx2.get(f"{address}/healthz", timeout=60).json() == {"status": "ok"}


def test_requests_above_the_bound_get_503() -> None:
    """A connection whose request is being answered makes no room; the next is served once that has ended."""
    api = FastAPI()
    asked, may_answer = threading.Semaphore(0), threading.Event()

    @api.get("/later")
    async def answer_later() -> None:
        asked.release()
        await asyncio.to_thread(may_answer.wait, 60)

    api.include_router(health.router)
    with serving(api, bounded(api)) as address, ExitStack() as stack:
        clients = [stack.enter_context(connect(address)) for _ in range(LIMIT)]
        for client in clients:
            client.sendall(b"GET /later HTTP/1.1\r\nhost: test\r\n\r\n")
            assert asked.acquire(timeout=60)
        silent = [stack.enter_context(connect(address)) for _ in range(SILENT)]
        assert httpx2.get(f"{address}/healthz", timeout=60).status_code == 503
        assert all(is_closed(client) for client in silent)
        may_answer.set()
        assert all(client.recv(65536).startswith(b"HTTP/1.1 200") for client in clients)
        assert httpx2.get(f"{address}/healthz", timeout=60).status_code == 200


def test_a_client_without_a_head_is_given_up() -> None:
    api = FastAPI()
    config = server_config(api, Settings(_env_file=None, http_header_seconds=0.2))
    with serving(api, config) as address, connect(address) as client:
        assert client.recv(1) == b""
