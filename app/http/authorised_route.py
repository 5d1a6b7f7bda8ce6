"""Asking for a token before a large body is read."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.auth import Scope
from app.http.dependencies import get_caller, get_state, require

_require_uploader = require(Scope.UPLOAD)


class AuthorisedRoute(APIRoute):
    """A route that only those may send anything to who may upload.

    The framework reads a form to its end before it looks at who has sent it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, behind the question who is there."""
        handle = super().get_route_handler()

        async def ask_first(request: Request) -> Response:
            await _require_uploader(await get_caller(request, await get_state(request), None))
            return await handle(request)

        return ask_first
