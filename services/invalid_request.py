"""Answering a request that does not fit its description, without repeating all that it sent."""

import math
from collections.abc import Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

_MOST_ERRORS = 20
_MOST_CHARACTERS = 100
"""Of a value or a name that is repeated in an answer."""


async def answer_invalid(_request: Request, error: Exception) -> JSONResponse:
    """422 in the framework's own form: of each error its type, its place, words, and what came, cut short."""
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    return JSONResponse({"detail": describe_errors(errors)}, status_code=422)


def describe_errors(errors: Sequence[Any]) -> list[dict[str, object]]:
    """The first errors of a validation, as JSON can hold them.

    Args:
        errors: As pydantic lists them.
    """
    return [
        {
            "type": error["type"],
            "loc": [shorten(part) for part in error["loc"]],
            "msg": shorten(error["msg"], _MOST_CHARACTERS * 5),
            "input": shorten(error.get("input")),
        }
        for error in errors[:_MOST_ERRORS]
    ]


def shorten(value: object, most: int = _MOST_CHARACTERS) -> object:
    """A value that came with a request, as an answer may repeat it.

    Args:
        value: What came.
        most: Characters at most.

    Returns:
        Short scalars as they are, long ones and numbers that JSON does not know as text, null for anything else.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, int) and abs(value) < 10**15:
        return value
    if isinstance(value, int):
        return "an integer of too many digits"
    if isinstance(value, (str, float)):
        text = str(value)
        return text if len(text) <= most else f"{text[:most]}…"
    return None
