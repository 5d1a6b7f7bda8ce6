"""Whether the process lives, and whether it can serve."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from app.http.dependencies import State
from app.http.documented import UNAVAILABLE

router = APIRouter(tags=["health"])


class HealthResponse(BaseModel):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: str


class ReadinessResponse(BaseModel):
    """What the process needs, and what of it is missing."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "ready": False,
                    "checks": {"database": "ok", "migrations": "missing", "models": "ok"},
                    "missing": ["the schema is at 0009, this version needs 0010: run vibe-search db migrate"],
                }
            ]
        },
    )

    ready: bool
    checks: dict[str, str] = Field(
        description="database, migrations and models, each ok or missing; with a mirror that too, "
        "and unreachable while only that does not answer, for searches go on without it."
    )
    missing: list[str] = Field(
        description="What to do about each check that fails, about a model that serves more slowly than it could, "
        "and about protections of the audio decoder that this machine does not offer."
    )


@router.get("/healthz", summary="Is the process alive?")
async def health() -> HealthResponse:
    """Answers whatever the state of the database."""
    return HealthResponse(status="ok")


@router.get(
    "/readyz",
    summary="Can the process serve?",
    responses={429: UNAVAILABLE[429], 503: {"model": ReadinessResponse, "description": "Something is missing."}},
)
async def readiness(state: State, response: Response) -> ReadinessResponse:
    """Checks the database, its schema and the model; 503 says what is missing. The answer is up to a second old."""
    report = await state.readiness.get()
    response.status_code = 200 if report.ready else 503
    return ReadinessResponse.model_validate(report)
