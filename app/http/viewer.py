"""The viewer of a request that has no token of vibe-search."""

from fastapi import HTTPException, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, Response

from app.auth import InvalidTokenError
from app.http.middleware.headers import name_in_vary
from app.settings import Settings
from services.viewer import Credentials, CredentialsRefusedError, Viewers, ViewerUnavailableError

_UNTOLD = "vibe_search.viewer_untold"
"""Key in the scope of a request whose viewer cannot be told at the moment."""

_NOT_FOUND = 404


async def find_viewer(request: Request, settings: Settings, viewers: Viewers, foreign: str | None) -> str | None:
    """DID of the viewer: from the header of VIEWER_HEADER, or else by the application's credentials; None: anonymous.

    A header that came twice is believed neither time: one of the two may be the client's own. When the viewer cannot
    be told, the request goes on as anonymous; see ``answer_hidden``.

    Args:
        request: The request.
        settings: Which header and which cookies count.
        viewers: Tells viewers by the application's credentials.
        foreign: The bearer token of the request, where it is not one of vibe-search.

    Raises:
        InvalidTokenError: The bearer token is verified here, and is not valid.
    """
    if settings.viewer_header is not None:
        values = request.headers.getlist(settings.viewer_header)
        if len(values) == 1 and values[0].strip():
            return values[0].strip()
    cookie = "; ".join(request.headers.getlist("cookie")) if settings.viewer_url is not None else None
    credentials = Credentials(cookie, foreign)
    if not credentials:
        return None
    try:
        return await viewers.find(credentials)
    except CredentialsRefusedError as error:
        raise InvalidTokenError(str(error)) from error
    except ViewerUnavailableError:
        request.scope[_UNTOLD] = True
        return None


def name_viewer_in_vary(request: Request, settings: Settings) -> None:
    """Tell caches which headers an answer to this request depends on, beside Authorization."""
    if settings.viewer_header is not None:
        name_in_vary(request.scope, settings.viewer_header)
    if settings.viewer_url is not None:
        name_in_vary(request.scope, "cookie")


async def answer_hidden(request: Request, error: Exception) -> Response:
    """The framework's answer, but 503 for 404 where the viewer could not be told: it may be the viewer's own."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == _NOT_FOUND and request.scope.get(_UNTOLD):
        detail = "who you are cannot be verified at the moment, and anonymous users find nothing here: try again"
        return JSONResponse(
            {"detail": detail}, status_code=503, headers={"retry-after": "5", "cache-control": "private, no-store"}
        )
    return await http_exception_handler(request, error)
