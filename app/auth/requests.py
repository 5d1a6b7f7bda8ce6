"""Who makes a request, by its headers."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request, Response, Security
from fastapi.security import HTTPBearer

from app.auth.caller import ANONYMOUS, Caller, Scope
from app.auth.tokens import InvalidTokenError, check_token
from app.state import State, get_state

_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", description="A token of `vibe-search token create`: `vs_...`."
)
"""For the description of the API alone: the header is read below, where a malformed one is refused too."""

_INVALID = {"www-authenticate": 'Bearer error="invalid_token"'}


async def identify_caller(request: Request) -> Caller:
    """Who asks by a token, once a request; ANONYMOUS where there is no Authorization header.

    Raises:
        HTTPException: 401, where there is one and it holds no valid token: whoever shows one means to be somebody.
    """
    known: Caller | None = getattr(request.state, "caller", None)
    if known is None:
        known = request.state.caller = await _read_token(request)
    return known


async def _read_token(request: Request) -> Caller:
    headers = request.headers.getlist("authorization")
    if not headers:
        return ANONYMOUS
    scheme, _, token = headers[0].partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer":
        raise HTTPException(401, "one header is expected: Authorization: Bearer vs_...", headers=_INVALID)
    try:
        return await check_token(get_state(request).engine, token.strip())
    except InvalidTokenError as error:
        raise HTTPException(401, "the token is not valid, has expired or was revoked", headers=_INVALID) from error


async def _identify(request: Request, _: Annotated[object, Security(_bearer)]) -> Caller:
    return await identify_caller(request)


Identified = Annotated[Caller, Depends(_identify)]
"""Parameter type by which an endpoint asks who is there, without minding if it is nobody."""


async def _find_viewer(request: Request, response: Response, state: State, caller: Identified) -> str | None:
    """DID of who is asking: the token's, or without one that of the header of VIEWER_HEADER.

    A header that came twice is believed neither time: one of the two may be the client's own.
    """
    name = state.settings.viewer_header
    response.headers["vary"] = "authorization" if name is None else f"authorization, {name}"
    if caller.token_id is not None:
        return caller.did
    values = request.headers.getlist(name) if name else []
    return values[0].strip() or None if len(values) == 1 else None


Viewer = Annotated[str | None, Depends(_find_viewer)]
"""Parameter type by which an endpoint asks for the DID of who is there; None for somebody unknown."""


def _require(caller: Caller, scope: Scope) -> Caller:
    if caller.token_id is None:
        raise HTTPException(
            401, "a token is needed: Authorization: Bearer vs_...", headers={"www-authenticate": "Bearer"}
        )
    if not caller.has(scope):
        raise HTTPException(
            403,
            f"the token lacks the scope {scope}",
            headers={"www-authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )
    return caller


async def require_uploader(request: Request) -> Caller:
    """Who asks, if he may upload.

    Raises:
        HTTPException: 401 without a token, 403 with one that is for something else.
    """
    return _require(await identify_caller(request), "upload")


async def _require_reader(caller: Identified) -> Caller:
    return _require(caller, "read")


async def _require_uploader(caller: Identified) -> Caller:
    return _require(caller, "upload")


async def _require_admin(caller: Identified) -> Caller:
    return _require(caller, "admin")


Reader = Annotated[Caller, Depends(_require_reader)]
"""Parameter type of endpoints for whoever has a token."""

Uploader = Annotated[Caller, Depends(_require_uploader)]
"""Parameter type of endpoints for whoever may upload."""

Admin = Annotated[Caller, Depends(_require_admin)]
"""Parameter type of endpoints for administrators."""
