"""Whether the process lives, and whether it can serve."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from app.database import connect, inspect_schema
from app.errors import DatabaseUnavailableError
from app.state import ApiState, State
from models.registry import ModelFileError

router = APIRouter(tags=["health"])


class HealthResponse(BaseModel):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: str


class ReadinessResponse(BaseModel):
    """What the process needs, and what of it is missing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ready": False,
                    "checks": {"database": "ok", "migrations": "missing", "models": "ok"},
                    "missing": ["the schema is at 0003, this version needs 0004: run vibe-search db migrate"],
                }
            ]
        }
    )

    ready: bool
    checks: dict[str, str] = Field(description="database, migrations and models, each ok or missing.")
    missing: list[str] = Field(description="What to do about each check that fails.")


@router.get("/healthz", summary="Is the process alive?")
async def health() -> HealthResponse:
    """Answers whatever the state of the database."""
    return HealthResponse(status="ok")


async def _inspect(state: State) -> ReadinessResponse:
    return await asyncio.to_thread(inspect_readiness, state)


@router.get(
    "/readyz",
    summary="Can the process serve?",
    responses={503: {"model": ReadinessResponse, "description": "Something is missing."}},
)
async def readiness(response: Response, report: Annotated[ReadinessResponse, Depends(_inspect)]) -> ReadinessResponse:
    """Checks the database, its schema and the model; 503 says what is missing."""
    response.status_code = 200 if report.ready else 503
    return report


def inspect_readiness(state: ApiState) -> ReadinessResponse:
    """Look at everything that a search needs; blocks."""
    missing: dict[str, list[str]] = {"database": [], "migrations": [], "models": []}
    try:
        with connect(state.url) as connection:
            missing["migrations"] = inspect_schema(connection).missing
            if not missing["migrations"]:
                row = connection.execute("select identity from search.models where serving").fetchone()
                serving, ours = row and row[0], state.providers.embedding.card.identity
                if serving != ours:
                    missing["models"].append(
                        f"the database serves vectors of {serving}, EMBEDDING_MODEL is {ours}: "
                        "queries would be compared with vectors of another model"
                    )
    except DatabaseUnavailableError as error:
        missing["database"].append(f"Postgres cannot be reached: {error}")
    try:
        state.providers.embedding.load()
    except (ModelFileError, OSError) as error:
        missing["models"].append(str(error))
    return ReadinessResponse(
        ready=not any(missing.values()),
        checks={name: "missing" if found else "ok" for name, found in missing.items()},
        missing=[line for found in missing.values() for line in found],
    )
