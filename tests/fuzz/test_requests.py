"""Every endpoint, with requests made up from its description: right, wrong, and absurd."""

from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzz.conftest import CASES, REPEATABLE, Target
from tests.support.depth import DEEP

pytestmark = DEEP

CHECKS: list[Callable[..., Any]] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def ask(operation: Any, mode: schemathesis.GenerationMode, headers: dict[str, str]) -> int:
    """Send CASES requests of an endpoint, that fit its description or do not; how many there were."""
    count = 0

    @hypothesis.settings(
        max_examples=CASES,
        deadline=None,
        derandomize=REPEATABLE,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: schemathesis.Case[Any]) -> None:
        nonlocal count
        count += 1
        case.call_and_validate(checks=CHECKS, headers=headers, timeout=30)

    try:
        send()
    except Unsatisfiable:
        # an endpoint without parameters cannot be asked wrongly
        assert mode is schemathesis.GenerationMode.NEGATIVE
    return count


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("known", [False, True], ids=["nobody", "an artist"])
def test_no_request_is_answered_with_a_mistake(
    target: Target, known: bool, mode: schemathesis.GenerationMode, record_property: Callable[[str, object], None]
) -> None:
    schema = schemathesis.openapi.from_url(f"{target.address}/openapi.json")
    headers = {"authorization": f"Bearer {target.token}"} if known else {}
    operations: list[Any] = list(schema.get_all_operations())
    total = sum(ask(found.ok(), mode, headers) for found in operations)
    record_property("cases", total)
    print(total, "requests")  # noqa: T201 - `make fuzz` shows it
    assert total > 10 * CASES
