"""What the endpoints share for the life of the web process, and who asks them.

The dependencies are coroutines: the framework runs any other function in a thread, which costs each request more than
all of them do.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers

from app.auth import Caller, ForeignToken, InvalidTokenError, Scope, find_caller, read_authorization
from app.catalogue import AudioIntake
from app.database import Database
from app.http.figures import DatabaseFigures
from app.http.kept_map import KeptMap
from app.http.middleware.headers import name_in_vary
from app.http.readiness import Readiness
from app.http.shared_results import RecentResult
from app.http.stream_places import StreamPlaces
from app.http.track_follower import TrackFollower
from app.http.viewer import find_viewer, name_viewer_in_vary
from app.processing.switch.model_states import ModelState
from app.providers import Providers
from app.search import ClipReader, Search, ServingModel
from app.settings import Settings


@dataclass(frozen=True)
class ApiState:
    """Made when the process starts, closed when it stops.

    Attributes:
        database: The connections of whatever is read: tokens, single tracks. Those of the kinds below are others, so
            that none waits for them.
        writes_database: The connections of changes, which wait WRITE_LOCK_TIMEOUT_SECONDS for locks.
        health_database: The connection of figures and of the models' progress.
        event_streams: The places that event streams may take.
        follower: Reads the tracks of all event streams.
        search: Searches; it has connections of its own.
        readiness: Whether the process can serve.
        library_map: The map, as it was read last.
        figures: What the database knows, for Prometheus.
        model_states: The models' progress.
    """

    settings: Settings
    database: Database
    writes_database: Database
    health_database: Database
    providers: Providers
    serving: ServingModel
    search: Search
    clips: ClipReader
    intake: AudioIntake
    event_streams: StreamPlaces
    follower: TrackFollower
    readiness: Readiness
    library_map: KeptMap
    figures: RecentResult[DatabaseFigures]
    model_states: RecentResult[list[ModelState]]


async def get_state(request: Request) -> ApiState:
    """The state of the application that got the request."""
    return cast("ApiState", request.app.state.api)


State = Annotated[ApiState, Depends(get_state)]
"""Parameter type by which an endpoint asks for the shared state."""


_SCHEME = HTTPBearer(
    scheme_name="token",
    bearerFormat="vs_<id>_<secret>",
    description="A token that `vibe-search token create` has printed.",
    auto_error=False,
)
"""For the description of the API. What it reads itself is more than a token of ours, and only the first header."""


_CALLER = "vibe_search.caller"
"""Key in the scope of a request, which ends with it and which no client can write to."""


@dataclass(frozen=True)
class _Resolved:
    """Who is asking, and the headers that said so.

    Attributes:
        authorization: The headers.
        caller: The holder of a token of vibe-search.
        foreign: A bearer token of the application that search belongs to, not verified.
    """

    authorization: list[str]
    caller: Caller | None = None
    foreign: str | None = None


async def resolve_caller(request: Request, state: ApiState) -> Caller | None:
    """The holder of the token in the Authorization header; None without one of vibe-search.

    Raises:
        HTTPException: 401, the header holds no bearer token, or one of vibe-search that is not valid.
    """
    return (await _resolve(request, state)).caller


async def _resolve(request: Request, state: ApiState) -> _Resolved:
    """Who is asking.

    The token is looked up once a request. The answer is kept in the request's scope, together with the headers that it
    was found for, and holds for these headers alone.
    """
    name_in_vary(request.scope, "authorization")
    values = Headers(scope=request.scope).getlist("authorization")
    known = request.scope.get(_CALLER)
    if isinstance(known, _Resolved) and known.authorization == values:
        return known
    resolved = _Resolved(values)
    if values:
        try:
            token = read_authorization(values)
            if isinstance(token, ForeignToken):
                resolved = _Resolved(values, foreign=token.text)
            else:
                resolved = _Resolved(values, await find_caller(state.database, token))
        except InvalidTokenError as error:
            raise _refuse_token(error) from error
    request.scope[_CALLER] = resolved
    return resolved


def _refuse_token(error: InvalidTokenError) -> HTTPException:
    return HTTPException(401, str(error), headers={"www-authenticate": 'Bearer error="invalid_token"'})


async def get_caller(
    request: Request, state: State, _described: Annotated[HTTPAuthorizationCredentials | None, Security(_SCHEME)]
) -> Caller | None:
    """The holder of the token in the Authorization header; None without the header.

    Raises:
        HTTPException: 401, as ``resolve_caller``.
    """
    return await resolve_caller(request, state)


KnownCaller = Annotated[Caller | None, Depends(get_caller)]
"""Parameter type by which an endpoint asks for the holder of the token, if there is one."""


async def get_viewer(request: Request, state: State, caller: KnownCaller) -> str | None:
    """DID of the viewer, by a token of vibe-search or else as ``find_viewer`` says; None for an anonymous viewer.

    Raises:
        HTTPException: 401, the request has a token of the application that is verified here and is not valid.
    """
    name_viewer_in_vary(request, state.settings)
    if caller is not None:
        return caller.did
    try:
        foreign = (await _resolve(request, state)).foreign
        return await find_viewer(request, state.settings, state.providers.viewers, foreign)
    except InvalidTokenError as error:
        raise _refuse_token(error) from error


Viewer = Annotated[str | None, Depends(get_viewer)]
"""Parameter type by which an endpoint asks who is there."""


def require(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """A dependency that lets nobody pass without a token of this scope."""

    async def get_permitted(caller: KnownCaller) -> Caller:
        if caller is None:
            raise HTTPException(
                401, "send a token: Authorization: Bearer vs_...", headers={"www-authenticate": "Bearer"}
            )
        if not caller.has(scope):
            challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
            raise HTTPException(403, f"this token lacks the scope {scope}", headers={"www-authenticate": challenge})
        return caller

    return get_permitted


Reader = Annotated[Caller, Depends(require(Scope.READ))]
"""Parameter type of an endpoint for people who are known; any token will do."""

Uploader = Annotated[Caller, Depends(require(Scope.UPLOAD))]
"""Parameter type of an endpoint that creates or changes tracks. Whose, `Caller.may_change` decides."""

Admin = Annotated[Caller, Depends(require(Scope.ADMIN))]
"""Parameter type of an endpoint for who runs the installation."""
