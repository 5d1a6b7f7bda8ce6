"""Asking for a token before a large body is read."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.auth import Scope
from app.http.dependencies import get_state, require, resolve_caller

_require_uploader = require(Scope.UPLOAD)


class AuthorisedRoute(APIRoute):
    """A route that only those may send anything to who may upload.

    The framework reads a form to its end before it looks at who has sent it. What is found here is kept in the
    request's scope, so that the endpoint's own dependencies do not look the token up again.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, behind the question who is there."""
        handle = super().get_route_handler()

        async def ask_first(request: Request) -> Response:
            await _require_uploader(await resolve_caller(request, await get_state(request)))
            return await handle(request)

        return ask_first
