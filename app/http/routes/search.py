"""Search by name and by sound."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from app.http.dependencies import State, Viewer
from app.http.documented import INVALID_TOKEN, UNAVAILABLE
from app.http.watched_route import WatchedRoute
from app.search import Answer, Hit, UnknownTrackError, parse_types

router = APIRouter(prefix="/search", tags=["search"], route_class=WatchedRoute)

Tier = Literal["exact", "prefix", "word_prefix", "substring", "fuzzy", "sound"]


class Match(BaseModel):
    """How a result matched."""

    relevance: float = Field(description="0 to 1 within a tier; not comparable between tiers.")
    tier: Tier = Field(description="The best way in which it matched; results are ordered by it.")
    matched: list[str] = Field(description="Everything that matched: title, artist, album, tag, sound, ...")
    similarity: float | None = Field(
        description="Cosine similarity of sound and text, if sound matched; 0 where it is negative."
    )
    confidence: float | None = Field(
        default=None,
        description="How far the similarity can be trusted, 0 to 1, comparable between queries; "
        "null before the first calibration.",
    )


EntityId = Annotated[int | str, Field(description="A number; in an adopted catalogue it may be a text.")]


class TrackResult(Match):
    """A track."""

    type: Literal["track"] = "track"
    id: int
    title: str
    artist_handle: str
    artist_display_name: str
    image_url: str | None
    file_id: str = Field(description="Play it at /audio/{file_id}.")
    album_title: str | None


class Neighbour(TrackResult):
    """A track near to another recording."""

    near_duplicate: bool = Field(description="Whether it is the same recording, perhaps encoded otherwise.")


class ArtistResult(Match):
    """An artist."""

    type: Literal["artist"] = "artist"
    did: str
    handle: str
    display_name: str
    avatar_url: str | None


class AlbumResult(Match):
    """An album."""

    type: Literal["album"] = "album"
    id: EntityId
    title: str
    slug: str
    artist_handle: str
    artist_display_name: str
    image_url: str | None


class TagResult(Match):
    """A tag."""

    type: Literal["tag"] = "tag"
    id: int
    name: str
    track_count: int


class PlaylistResult(Match):
    """A playlist."""

    type: Literal["playlist"] = "playlist"
    id: EntityId
    name: str
    owner_handle: str
    owner_display_name: str
    image_url: str | None
    track_count: int


Result = Annotated[TrackResult | ArtistResult | AlbumResult | TagResult | PlaylistResult, Field(discriminator="type")]

TRACK_EXAMPLE: dict[str, Any] = {
    "type": "track",
    "id": 123,
    "title": "Ambient Waves",
    "artist_handle": "artist.example",
    "artist_display_name": "Artist Name",
    "image_url": None,
    "file_id": "a1b2c3d4e5f67890",
    "album_title": None,
    "relevance": 1.0,
    "tier": "exact",
    "matched": ["sound", "title"],
    "similarity": 0.483,
    "confidence": 0.87,
}
"""A track for the description of the API."""


VectorBackend = Annotated[
    str | None,
    Field(description="Who found what is nearest by sound, pgvector or turbopuffer; null where nothing was compared."),
]
VectorFallback = Annotated[
    bool, Field(description="True when that was pgvector because the mirror failed, was too slow or too far behind.")
]


Calibrated = Annotated[
    bool | None,
    Field(
        description="False before the serving model is calibrated: then /search/ lists no results by sound beside "
        "names, and results of /search/semantic have no confidence. Null where no text was compared."
    ),
]


def vector_backend(answer: Answer) -> dict[str, Any]:
    """The two fields of an answer that say who compared the sounds."""
    return {"vector_backend": answer.vector_backend, "vector_fallback": answer.vector_fallback}


class SearchResponse(BaseModel):
    """Results of all types, best first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "results": [TRACK_EXAMPLE],
                    "query": "ambient waves",
                    "counts": {"tracks": 1, "artists": 0, "albums": 0, "tags": 0, "playlists": 0},
                    "available": True,
                    "calibrated": True,
                    "vector_backend": "pgvector",
                    "vector_fallback": False,
                    "took_ms": 2.1,
                }
            ]
        }
    )

    results: list[Result]
    query: str
    counts: dict[str, int] = Field(description="Results by type: tracks, artists, albums, tags, playlists.")
    available: bool = Field(description="False when the text should have been compared with sounds and was not.")
    calibrated: Calibrated
    vector_backend: VectorBackend
    vector_fallback: VectorFallback
    took_ms: float = Field(description="Milliseconds of the one SQL statement.")


class SemanticResponse(BaseModel):
    """Tracks ranked by how they sound."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "results": [TRACK_EXAMPLE | {"tier": "sound", "matched": ["sound"], "relevance": 0.483}],
                    "query": "dark ambient techno",
                    "available": True,
                    "calibrated": True,
                    "vector_backend": "pgvector",
                    "vector_fallback": False,
                }
            ]
        }
    )

    results: list[TrackResult]
    query: str
    available: bool = Field(description="False when the text could not be compared with sounds.")
    calibrated: Calibrated
    vector_backend: VectorBackend
    vector_fallback: VectorFallback


@router.get("", include_in_schema=False)
async def redirect_to_slash(request: Request) -> RedirectResponse:
    """The path without its slash; the address is relative, for the request's Host header may name any host."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"search/{query}", status_code=307)


@router.get("/", responses=INVALID_TOKEN | UNAVAILABLE, summary="Search everything by name and by sound")
async def search_everything(  # noqa: PLR0913 - the viewer, and the parameters of the contract
    *,
    state: State,
    viewer: Viewer,
    q: Annotated[str, Query(min_length=2, max_length=100, examples=["ambient waves"])],
    type: Annotated[  # noqa: A002 - the parameter's name is part of the contract
        str | None,
        Query(
            description="Comma-separated: tracks, artists, albums, tags, playlists. Empty: all. Unknown words beside "
            "known ones are ignored.",
            examples=["tracks,artists"],
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=50, description="Results of each type at most.")] = 20,
    sound: Annotated[
        bool, Query(description="False: names only. The text is not compared with sounds, and is read as a name.")
    ] = True,
) -> SearchResponse:
    """Find tracks, artists, albums, tags and playlists by what they are called and tracks by how they sound.

    Results come best first: exact > prefix > word prefix > substring > fuzzy > sounds-like. In a description, `-vocals`
    leads away from vocals, and `like:76` towards the sound of track 76. With `sound=false` both are looked up as typed.
    """
    types = _parse_types(type)
    try:
        answer = await state.search.unified(q, types=types, limit=limit, viewer=viewer, sound=sound)
    except UnknownTrackError as error:
        raise refuse_query(q, error) from error
    return SearchResponse(
        results=_results(answer),
        query=q,
        counts=answer.counts,
        available=answer.available,
        calibrated=answer.calibrated,
        took_ms=round(answer.milliseconds, 2),
        **vector_backend(answer),
    )


@router.get("/semantic", responses=INVALID_TOKEN | UNAVAILABLE, summary="Search tracks by sound alone")
async def search_by_description(
    state: State,
    viewer: Viewer,
    q: Annotated[str, Query(min_length=3, max_length=200, examples=["dark ambient techno"])],
    limit: Annotated[
        int, Query(ge=1, le=50, description="Results at most; never more than SEMANTIC_MAX_RESULTS.")
    ] = 10,
) -> SemanticResponse:
    """Tracks ranked by the similarity of their sound to a description in words, `-words` and `like:76` included."""
    try:
        most = min(limit, state.settings.semantic_max_results)
        answer = await state.search.semantic(q, limit=most, viewer=viewer)
    except UnknownTrackError as error:
        raise refuse_query(q, error) from error
    tracks = [result for result in _results(answer) if isinstance(result, TrackResult)]
    return SemanticResponse(
        results=tracks, query=q, available=answer.available, calibrated=answer.calibrated, **vector_backend(answer)
    )


def neighbours(answer: Answer) -> list[Neighbour]:
    """The tracks of an answer to a recording."""
    return [Neighbour.model_validate(_fields(hit) | {"near_duplicate": hit.near_duplicate}) for hit in answer.hits]


def refuse_query(q: str, error: UnknownTrackError) -> HTTPException:
    """422, naming the query."""
    return HTTPException(422, [{"type": "unknown_track", "loc": ["query", "q"], "msg": str(error), "input": q}])


def _parse_types(value: str | None) -> list[str] | None:
    if value is None:
        return None
    try:
        return parse_types(value, strict=False)
    except ValueError as error:
        detail = {"type": "enum", "loc": ["query", "type"], "msg": str(error), "input": value}
        raise HTTPException(422, [detail]) from error


_RESULT_OF: dict[str, type[Match]] = {
    "track": TrackResult,
    "artist": ArtistResult,
    "album": AlbumResult,
    "tag": TagResult,
    "playlist": PlaylistResult,
}


def _results(answer: Answer) -> list[Any]:
    return [_RESULT_OF[hit.type].model_validate(_fields(hit)) for hit in answer.hits]


def _clamp(value: float) -> float:
    """A value from 0 to 1 with four decimals; a negative similarity says no more than that nothing is alike."""
    return max(0.0, round(value, 4))


def _fields(hit: Hit) -> dict[str, Any]:
    return hit.details | {
        "tier": hit.tier,
        "matched": hit.matched,
        "relevance": _clamp(hit.relevance),
        "similarity": None if hit.similarity is None else _clamp(hit.similarity),
        "confidence": None if hit.confidence is None else round(hit.confidence, 4),
    }
