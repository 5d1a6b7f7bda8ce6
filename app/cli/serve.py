"""vibe-search serve."""

import asyncio
import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import uvicorn

from app.database import Database, open_for_application
from app.errors import UserError
from app.mirror import require_mirror
from app.observability.log import configure_service_log
from app.observability.tracing import configure_tracing
from app.providers import build_providers
from app.settings import Settings, get_settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

LISTEN_BACKLOG = 128
"""Connections that the system may hold until they are accepted."""


def serve(*, host: str | None, port: int | None) -> None:
    """Serve the API and the page."""
    settings = get_settings()
    configure_service_log(settings)
    configure_tracing("vibe-search-api")
    address = (host or settings.http_host, port or settings.http_port)
    # Ctrl-C is the ordinary end
    with bind(*address) as listener, open_for_application(settings) as url, suppress(KeyboardInterrupt):
        asyncio.run(serve_api(url, listener))


async def serve_api(url: str, listener: socket.socket) -> None:
    """Serve on a bound socket until SIGINT or SIGTERM.

    Raises:
        UserError: Another process has begun to listen on its port meanwhile.
    """
    # FastAPI takes long to import, and most commands serve nothing
    from app.http.application import create_api  # noqa: PLC0415

    settings = get_settings()
    providers = build_providers(settings)
    async with Database.open(url, pool_size=1) as database:
        await require_mirror(database, providers.mirror, settings.turbopuffer_namespace)
    api = create_api(url, settings, providers)
    server = uvicorn.Server(server_config(api, settings))
    try:
        await server.serve(sockets=[listener])
    except OSError as error:
        if server.started:
            raise
        host, port = listener.getsockname()[:2]
        raise _refused(host, port, "HTTP_PORT", error) from error


def server_config(api: "ASGIApp", settings: Settings) -> uvicorn.Config:
    """How the API is served: the bounds on its clients, and whose word about them is taken."""
    # it loads the server, and most commands serve nothing
    from services.slow_clients import bounded_head  # noqa: PLC0415

    return uvicorn.Config(
        api,
        http=bounded_head(settings.http_header_seconds),
        # the connection that asks is counted as well
        limit_concurrency=settings.http_connections + 1,
        # asyncio accepts as many at once, before any of them is counted
        backlog=LISTEN_BACKLOG,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        forwarded_allow_ips=settings.trusted_proxies,
    )


def listen(host: str, port: int, setting: str = "HTTP_PORT") -> socket.socket:
    """A socket on which connections wait until they are accepted, taken before any work is done.

    Args:
        host: Name or address of this machine.
        port: 0 takes one that is free.
        setting: Where another port can be chosen.

    Raises:
        UserError: The port is taken or the address is not of this machine.
    """
    listener = bind(host, port, setting)
    try:
        # bound alone, two processes could hold the port and only the second would find out, much later
        listener.listen(LISTEN_BACKLOG)
    except OSError as error:
        listener.close()
        raise _refused(host, port, setting, error) from error
    return listener


def bind(host: str, port: int, setting: str = "HTTP_PORT") -> socket.socket:
    """A socket that refuses connections until the server listens on it.

    A proxy then asks another process while this one starts. Where it would wait, so would its users.

    Args:
        host: Name or address of this machine.
        port: 0 takes one that is free.
        setting: Where another port can be chosen.

    Raises:
        UserError: The port is taken or the address is not of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # the protocol is named for asyncio, which sets TCP_NODELAY on such sockets only: else an answer may wait 40 ms
        with ExitStack() as stack:
            listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            stack.pop_all()
    except OSError as error:
        raise _refused(host, port, setting, error) from error
    return listener


def _refused(host: str, port: int, setting: str, error: OSError) -> UserError:
    return UserError(
        f"{host}:{port} cannot be listened on: {error.strerror}. "
        f"Stop what uses it, or choose another port with {setting}={port + 1 if port < 65535 else port - 1}"
    )
