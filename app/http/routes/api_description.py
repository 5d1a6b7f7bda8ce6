"""The description of the API."""

import json

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from app.http.kept_answer import KeptAnswer

router = APIRouter(include_in_schema=False)


@router.api_route("/openapi.json", methods=["GET", "HEAD"])
async def describe(request: Request) -> Response:
    """The description in the form of OpenAPI; it is the same for the life of the process."""
    kept: KeptAnswer | None = getattr(request.app.state, "description", None)
    if kept is None:
        text = await run_in_threadpool(lambda: json.dumps(request.app.openapi(), ensure_ascii=False))
        kept = request.app.state.description = await run_in_threadpool(KeptAnswer.of, text)
    return kept.respond(request, "public, no-cache")
