"""Requests that end when their client goes away."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.http.client_gone import Client, while_connected

_BODILESS = {"GET", "HEAD"}

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])

_only_reading: set[Callable[..., Any]] = set()


def only_reads(endpoint: _Endpoint) -> _Endpoint:
    """Mark an endpoint that changes nothing, whatever its method: a ``WatchedRoute`` may end it.

    Its client is watched once the endpoint has read the body.
    """
    _only_reading.add(endpoint)
    return endpoint


class WatchedRoute(APIRoute):
    """A route that stops working, and cancels its statement in Postgres, when its client closes the connection.

    This holds for GET and HEAD, and for endpoints that are marked by ``only_reads``. Every other request is finished
    even if its client has gone, because it may change something.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, beside one that watches the client."""
        handle = super().get_route_handler()
        if not _BODILESS.issuperset(self.methods or ()) and self.endpoint not in _only_reading:
            return handle

        async def handle_watched(request: Request) -> Response:
            client = Client(request.receive, body_read=request.method in _BODILESS)
            return await while_connected(client, handle(Request(request.scope, client.receive)))

        return handle_watched
