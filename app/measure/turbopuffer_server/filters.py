"""Filters and conditions, as trees of JSON."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from app.measure.turbopuffer_server.refusal import Refusal

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Lt": operator.lt,
    "Lte": operator.le,
    "Gt": operator.gt,
    "Gte": operator.ge,
}


def matches(filters: Any, row: Mapping[str, Any], new: Mapping[str, Any] | None = None) -> bool:
    """Whether a document fits.

    Args:
        filters: The tree.
        row: The document's attributes and its id; one that is missing is null.
        new: In a condition, the document that is to take its place, for ``$ref_new``.

    Raises:
        Refusal: The tree is none.
    """
    if not isinstance(filters, list) or not filters:
        raise Refusal(400, f"invalid filter: {filters!r}")
    if filters[0] == "And":
        return all(matches(part, row, new) for part in filters[1])
    if filters[0] == "Or":
        return any(matches(part, row, new) for part in filters[1])
    if filters[0] == "Not":
        return not matches(filters[1], row, new)
    if len(filters) != 3:
        raise Refusal(400, f"invalid filter: {filters!r}")
    attribute, operation, value = filters
    return _compare(row.get(attribute), operation, _resolve(value, new))


def named_in(filters: Any) -> set[str]:
    """The attributes that a tree looks at."""
    if isinstance(filters, list) and filters and filters[0] in {"And", "Or"}:
        return set().union(*(named_in(part) for part in filters[1]))
    if isinstance(filters, list) and filters and filters[0] == "Not":
        return named_in(filters[1])
    return {filters[0]} if isinstance(filters, list) and filters else set()


def _resolve(value: Any, new: Mapping[str, Any] | None) -> Any:
    if isinstance(value, dict) and "$ref_new" in value:
        if new is None:
            raise Refusal(400, "$ref_new is for conditions")
        return new.get(value["$ref_new"])
    return value


def _compare(held: Any, operation: str, value: Any) -> bool:
    if operation == "Eq":
        return bool(held == value)
    if operation == "NotEq":
        return bool(held != value)
    if operation == "In":
        return held in value
    if operation == "NotIn":
        return held not in value
    if operation in _ORDERS:
        # an order with nothing is not known, and not known is not true
        return held is not None and value is not None and _ORDERS[operation](held, value)
    raise Refusal(400, f"unknown operator {operation!r}")
