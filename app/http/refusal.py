"""Refusing a request with the field named, in the framework's own form."""

from fastapi import HTTPException

from services.invalid_request import shorten


def refuse_field(kind: str, field: tuple[str | int, ...], message: str, value: object = None) -> HTTPException:
    """An answer of 422 for one field.

    Args:
        kind: What is wrong, in one word for programs.
        field: Where, such as `("body", "title")`.
        message: What to do, for people.
        value: What came, where repeating it helps.
    """
    return HTTPException(422, [{"type": kind, "loc": list(field), "msg": message, "input": shorten(value)}])
