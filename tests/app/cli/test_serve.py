"""The socket that the API is served on."""

import asyncio
import socket
from contextlib import closing

from app.cli.serve import listen


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
