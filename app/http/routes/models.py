"""Which model serves, and how far a switch to another is."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from app.http.dependencies import State
from app.http.documented import UNAVAILABLE
from app.processing.switch.model_states import ModelState, Role, read_model_states

router = APIRouter(prefix="/models", tags=["models"])

_FRESH_SECONDS = 2.0
"""Coverage is counted over all tracks: whoever polls more often gets the same figures again."""


class ModelProgress(BaseModel):
    """A model that has a store in the database."""

    model_config = ConfigDict(from_attributes=True)

    identity: str
    name: str
    dimensions: int
    role: Role
    tracks: int = Field(description="Tracks in the catalogue.")
    embedded: int = Field(description="Those with a vector of their present audio.")
    undecodable: int = Field(description="Those whose audio cannot be decoded.")
    failed: int = Field(description="Those that failed otherwise and can be tried again.")
    coverage: float = Field(description="Share embedded of those that can be decoded.")
    coverage_wanted: float = Field(description="The share at which a candidate begins to serve.")


class ModelsResponse(BaseModel):
    """The models of the database, the serving one first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "models": [
                        {
                            "identity": "musicnn-tags@94ee4126d4d5",
                            "name": "musicnn-tags",
                            "dimensions": 100,
                            "role": "serving",
                            "tracks": 28,
                            "embedded": 28,
                            "undecodable": 0,
                            "failed": 0,
                            "coverage": 1.0,
                            "coverage_wanted": 1.0,
                        }
                    ]
                }
            ]
        }
    )

    models: list[ModelProgress]


@dataclass
class _Counted:
    """The figures that were counted last."""

    counted_at: float = float("-inf")
    states: list[ModelState] = field(default_factory=list)
    counting: asyncio.Lock = field(default_factory=asyncio.Lock)


def _counted(request: Request) -> _Counted:
    counted: _Counted | None = getattr(request.app.state, "model_progress", None)
    if counted is None:
        counted = request.app.state.model_progress = _Counted()
    return counted


@router.get("", responses=UNAVAILABLE, summary="Which model serves, and how far is the next?")
async def models(state: State, counted: Annotated[_Counted, Depends(_counted)]) -> ModelsResponse:
    """Every model that has a store: the one that serves, the candidate while a switch is under way, and retired ones.

    The figures are up to two seconds old.
    """
    async with counted.counting:
        if time.monotonic() - counted.counted_at > _FRESH_SECONDS:
            counted.states = await read_model_states(state.database)
            counted.counted_at = time.monotonic()
    return ModelsResponse(models=[ModelProgress.model_validate(model) for model in counted.states])
