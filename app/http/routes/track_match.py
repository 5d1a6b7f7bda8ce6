"""Why a track was found."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.http.dependencies import State, Viewer
from app.http.documented import INVALID_TOKEN, NOT_FOUND, UNAVAILABLE
from app.http.routes.search import Calibrated, Tier, refuse_query
from app.http.routes.tracks import VisibleTrack
from app.http.watched_route import WatchedRoute
from app.search import UnknownTrackError

router = APIRouter(prefix="/tracks", tags=["tracks"], route_class=WatchedRoute)


class SignalResponse(BaseModel):
    """One reason why a track is listed."""

    signal: str = Field(description="What matched: title, artist, album, tag or sound.")
    signal_tier: str = Field(
        description="The tier of this signal alone; `held by it` marks a track that is there for what holds it."
    )
    signal_rank: int = Field(description="Where this signal alone would put the track, counted from 1.")
    value: float = Field(description="0 to 1 within the tier; for sound the cosine similarity.")
    confidence: float | None = Field(description="Of a signal by sound, 0 to 1.")


class MatchResponse(BaseModel):
    """Why a track stands where it does."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "track_id": 76,
                    "query": "calm guitar",
                    "rank": 3,
                    "tier": "sound",
                    "signals": [
                        {
                            "signal": "sound",
                            "signal_tier": "sound",
                            "signal_rank": 3,
                            "value": 0.41,
                            "confidence": 0.87,
                        }
                    ],
                    "available": True,
                    "calibrated": True,
                }
            ]
        }
    )

    track_id: int
    query: str
    rank: int | None = Field(description="Its place among all results; null when it is not among them.")
    tier: Tier | None = Field(description="The best way in which it matched.")
    signals: list[SignalResponse] = Field(description="The reasons, the best first.")
    available: bool = Field(description="False when the text could not be compared with sounds.")
    calibrated: Calibrated


@router.get(
    "/{track_id}/match",
    responses={**INVALID_TOKEN, **NOT_FOUND, **UNAVAILABLE},
    summary="Why a track was found",
)
async def explain_match(
    state: State,
    viewer: Viewer,
    track: VisibleTrack,
    q: Annotated[str, Query(min_length=2, max_length=100, examples=["calm guitar"])],
    limit: Annotated[int, Query(ge=1, le=50, description="Results of each type at most, as of the search.")] = 20,
) -> MatchResponse:
    """Every signal by which `GET /search/` with the same `q` and `limit` lists a track, from `search.explain`."""
    try:
        found = await state.search.explain(q, track.id, limit=limit, viewer=viewer)
    except UnknownTrackError as error:
        raise refuse_query(q, error) from error
    signals = [
        SignalResponse(
            signal=one.signal,
            signal_tier=one.tier,
            signal_rank=one.rank,
            value=round(one.value, 4),
            confidence=None if one.confidence is None else round(one.confidence, 4),
        )
        for one in found.signals
    ]
    return MatchResponse.model_validate(
        {
            "track_id": track.id,
            "query": q,
            "rank": found.rank,
            "tier": found.tier,
            "signals": signals,
            "available": found.available,
            "calibrated": found.calibrated,
        }
    )
