"""Whether the process lives, and whether it can serve."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from app.database import connect, inspect_schema
from app.errors import DatabaseUnavailableError
from app.http.dependencies import ApiState, State
from app.mirror import inspect_mirror
from app.providers import Providers
from models.audio.decoding import DecoderCrashedError, missing_protections
from models.files.known_answers import find_notice
from services.vector_mirror import MirrorRefusedError

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
                    "missing": ["the schema is at 0009, this version needs 0010: run vibe-search db migrate"],
                }
            ]
        }
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


async def _inspect(state: State) -> ReadinessResponse:
    report = await asyncio.to_thread(inspect_readiness, state)
    if not state.providers.mirror.name or not report.ready:
        return report
    try:
        problem = await inspect_mirror(state.database, state.providers.mirror, state.settings.turbopuffer_namespace)
    except DatabaseUnavailableError as error:
        lost = {"database": "missing"}
        return ReadinessResponse(ready=False, checks=report.checks | lost, missing=[f"Postgres is gone: {error}"])
    if problem is None:
        return report.model_copy(update={"checks": report.checks | {"mirror": "ok"}})
    refused = isinstance(problem, MirrorRefusedError)
    checks = report.checks | {"mirror": "missing" if refused else "unreachable"}
    return ReadinessResponse(ready=not refused, checks=checks, missing=[*report.missing, str(problem)])


@router.get(
    "/readyz",
    summary="Can the process serve?",
    responses={503: {"model": ReadinessResponse, "description": "Something is missing."}},
)
async def readiness(response: Response, report: Annotated[ReadinessResponse, Depends(_inspect)]) -> ReadinessResponse:
    """Checks the database, its schema and the model; 503 says what is missing."""
    response.status_code = 200 if report.ready else 503
    return report


def _inspect_model(providers: Providers, serving: str | None) -> list[str]:
    """What is missing of the model that serves."""
    if serving is None:
        return ["the database serves no model: run vibe-search db migrate"]
    embedding = providers.embedding_of(serving)
    if embedding is None:
        advice = "install it with vibe-search models pull, or let another serve with vibe-search models use"
        return [f"the database serves vectors of {serving}, a model that is not known here: {advice}"]
    try:
        embedding.load()
    except Exception as error:  # noqa: BLE001 - whatever keeps a model from loading is what is missing
        return [f"{serving} cannot be loaded: {error}"]
    return []


def _find_notices(providers: Providers, serving: str | None) -> list[str]:
    """What could be better about the model that serves."""
    embedding = None if serving is None else providers.embedding_of(serving)
    notice = None if embedding is None else find_notice(embedding.card)
    return [] if notice is None else [f"{serving}: {notice}"]


def _find_decoder_notices() -> list[str]:
    """What does not protect this machine from a file that takes over its decoder."""
    try:
        return [f"audio is decoded without {name}: {reason}" for name, reason in missing_protections().items()]
    except (DecoderCrashedError, OSError) as error:
        return [f"audio cannot be decoded: {error}"]


def inspect_readiness(state: ApiState) -> ReadinessResponse:
    """Look at everything that a search needs; blocks."""
    missing: dict[str, list[str]] = {"database": [], "migrations": [], "models": []}
    notices: list[str] = []
    try:
        with connect(state.url) as connection:
            missing["migrations"] = inspect_schema(connection).missing
            if not missing["migrations"]:
                row = connection.execute("select identity from search.models where serving").fetchone()
                serving = None if row is None else str(row[0])
                missing["models"] = _inspect_model(state.providers, serving)
                notices = _find_notices(state.providers, serving)
        notices += _find_decoder_notices()
    except DatabaseUnavailableError as error:
        missing["database"].append(f"Postgres cannot be reached: {error}")
    return ReadinessResponse(
        ready=not any(missing.values()),
        checks={name: "missing" if found else "ok" for name, found in missing.items()},
        missing=[line for found in (*missing.values(), notices) for line in found],
    )
