"""How much the random tests and the largest ones try: little in `make test`, all of it in `make test-deep`.

A test that has two depths carries `@DEEP`, which is how `make test-deep` finds it.
"""

import os

import pytest

IS_DEEP = os.environ.get("VIBE_SEARCH_DEEP") == "1"
"""Whether this run is the deep one."""

DEEP = pytest.mark.deep
"""Marks a test, or with `pytestmark` a module, that does more in the deep run."""


def cases(short: int, deep: int) -> int:
    """How many cases a random test tries in this run."""
    return deep if IS_DEEP else short


def only_deep(reason: str) -> pytest.MarkDecorator:
    """Leaves a test to the deep run.

    Args:
        reason: Which tests find its faults in the short run.
    """
    return pytest.mark.skipif(not IS_DEEP, reason=f"left to make test-deep: {reason}")
