"""Answers that many endpoints share, for the description of the API."""

from typing import Any, TypeAlias

from pydantic import BaseModel

Responses: TypeAlias = dict[int | str, dict[str, Any]]
"""Answers by status, as FastAPI takes them."""


class UnavailableResponse(BaseModel):
    """The database cannot be reached at the moment, or is busy."""

    detail: str


INVALID_TOKEN: Responses = {
    401: {"description": "The Authorization header holds no bearer token, or one that is not valid (any more)."}
}
"""Every endpoint that asks who is there may answer so."""

LACKING_SCOPE: Responses = {
    401: {"description": "There is no token, or it is not valid (any more)."},
    403: {"description": "The token does not permit this; the detail says which scope would."},
}
"""Every endpoint that a token is needed for may answer so."""

NOT_FOUND: Responses = {404: {"description": "There is no such track that the viewer may find."}}
"""Every endpoint on one track may answer so."""

NO_ROOM: Responses = {507: {"description": "The audio store is full."}}
"""Every endpoint that stores audio may answer so."""

REFUSED: Responses = {
    409: {"description": "A catalogue that was adopted does not take it: its tables ask for more than search knows."}
}
"""Every endpoint that writes to the catalogue may answer so."""

TOO_LARGE: Responses = {413: {"description": "The request is larger than UPLOAD_MAX_BYTES."}}
"""Every endpoint that takes an upload may answer so."""

UNAVAILABLE: Responses = {
    429: {"description": "The address asks for too much (RATE_LIMIT_SEARCHES, RATE_LIMIT_COSTLY); see retry-after."},
    503: {
        "model": UnavailableResponse,
        "description": "Postgres cannot be reached, is busy, or took too long; try again.",
    },
}
"""Every endpoint that reads the database may answer so, or has no time for who asks."""

UNREADABLE: Responses = {
    400: {"description": "The body cannot be read: it is no JSON in UTF-8, or no form."},
    408: {"description": "The body comes in more slowly than HTTP_BODY_BYTES_PER_SECOND."},
}
"""Every endpoint that takes a body may answer so."""
