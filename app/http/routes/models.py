"""Which model serves, and how far a switch to another is."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.http.dependencies import State
from app.http.documented import UNAVAILABLE
from app.processing.switch.model_states import Role

router = APIRouter(prefix="/models", tags=["models"])


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


@router.get("", responses=UNAVAILABLE, summary="Which model serves, and how far is the next?")
async def models(state: State) -> ModelsResponse:
    """Every model that has a store: the one that serves, the candidate while a switch is under way, and retired ones.

    The figures are up to two seconds old.
    """
    found = await state.model_states.get()
    return ModelsResponse(models=[ModelProgress.model_validate(model) for model in found])
