"""GET /tracks/tags."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.support.catalogue import Catalogue

Get = Callable[..., httpx2.Response]


def test_tags_with_their_counts(get: Get, catalogue: Catalogue) -> None:
    catalogue.track("One", tags=("ambient", "ambient techno", "jazz"))
    catalogue.track("Two", tags=("ambient",))
    catalogue.track("Three", tags=("ambush",), visibility="private")
    answer = get("/tracks/tags", params={"q": "Amb"})
    assert answer.status_code == 200
    assert answer.json() == [{"name": "ambient", "track_count": 2}, {"name": "ambient techno", "track_count": 1}]


def test_nothing_typed_gives_the_most_used(get: Get, catalogue: Catalogue) -> None:
    catalogue.track("One", tags=("ambient", "jazz"))
    catalogue.track("Two", tags=("jazz",))
    expected = [{"name": "jazz", "track_count": 2}, {"name": "ambient", "track_count": 1}]
    assert get("/tracks/tags").json() == expected
    assert get("/tracks/tags", params={"q": "", "limit": 1}).json() == expected[:1]


@pytest.mark.parametrize("q", ["\0", "%", "a\0mb", "'; drop table tags; --", "🎧"])
def test_odd_text_gets_an_ordinary_answer(get: Get, q: str) -> None:
    answer = get("/tracks/tags", params={"q": q})
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("parameters", "named"), [({"q": "x" * 101}, "q"), ({"limit": 0}, "limit"), ({"limit": 101}, "limit")]
)
def test_bad_input_names_the_parameter(get: Get, parameters: dict[str, Any], named: str) -> None:
    answer = get("/tracks/tags", params=parameters)
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["detail"]] == [["query", named]]
