"""The socket that the API is served on."""

import asyncio
import socket
from contextlib import closing

import httpx2
from fastapi import FastAPI

from app.cli.serve import listen, server_config
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


def test_connections_are_bounded() -> None:
    """One more is told so, and the next is served once there is room."""
    api = FastAPI()
    with (
        serving(api, server_config(api, Settings(_env_file=None, http_connections=1))) as address,
        httpx2.Client(base_url=address, timeout=60) as first,
        httpx2.Client(base_url=address, timeout=60) as second,
    ):
        assert first.get("/openapi.json").status_code == 200
        assert second.get("/openapi.json").status_code == 503
        first.close()
        while second.get("/openapi.json").status_code != 200:
            pass


def test_a_client_without_a_head_is_given_up() -> None:
    api = FastAPI()
    with serving(api, server_config(api, Settings(_env_file=None, http_header_seconds=0.2))) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=60) as client:
            assert client.recv(1) == b""
