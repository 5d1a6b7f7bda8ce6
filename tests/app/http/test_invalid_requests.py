"""Requests that do not fit the description: 422 in words, without all that was sent."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from app.auth import Scope
from services.invalid_request import describe_errors, shorten
from tests.app.conftest import Get, Issue, bearer
from tests.support.catalogue import Catalogue

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "content",
    [
        '{"title": NaN}',
        '{"title": -Infinity}',
        '{"tags": [NaN, 1]}',
        '{"title": ' + "9" * 4000 + "}",
        '{"title": {"deep": ' + "[" * 500 + "]" * 500 + "}}",
        '{"' + "k" * 60_000 + '": 1}',
    ],
    ids=["nan", "infinity", "nan in a list", "a long number", "a deep object", "a long name"],
)
def test_json_that_is_no_track_is_refused_in_few_words(
    with_client: Callable[..., Any], catalogue: Catalogue, issue: Issue, content: str
) -> None:
    me = catalogue.artist("me.example")
    track = catalogue.track("Mine", artist=me)
    headers = bearer(issue(me, Scope.UPLOAD)) | JSON

    async def steps(client: httpx2.AsyncClient) -> httpx2.Response:
        return await client.patch(f"/tracks/{track}", content=content, headers=headers)

    answer: httpx2.Response = with_client(steps)
    assert answer.status_code == 422, answer.text
    assert {"type", "loc", "msg", "input"} == answer.json()["detail"][0].keys()
    assert len(answer.content) < 1000


@pytest.mark.parametrize("value", ["9" * 60_000, "x" * 60_000, "nan"])
def test_a_parameter_is_not_repeated_whole(get: Get, value: str) -> None:
    answer = get("/search/", params={"q": "calm", "limit": value})
    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert error["loc"] == ["query", "limit"]
    assert value.startswith(error["input"].removesuffix("…"))
    assert len(answer.content) < 500


def test_many_errors_are_not_all_listed() -> None:
    errors = [
        {"type": "missing", "loc": ("body", number), "msg": "Field required", "input": {}} for number in range(99)
    ]
    assert len(describe_errors(errors)) == 20


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None), (True, True), (7, 7), (1.5, 1.5), ("rain", "rain"), ([1], None), ({"a": 1}, None),
        (float("inf"), "inf"), (10**20, "an integer of too many digits"), (-(10**20), "an integer of too many digits"),
        ("x" * 101, "x" * 100 + "…"), (b"raw", None),
    ],
)  # fmt: skip
def test_what_is_repeated(value: object, shown: object) -> None:
    assert shorten(value) == shown


@pytest.mark.parametrize("query", ["", "?q=calm%20rain&limit=3"])
def test_the_redirect_to_the_slash_stays_on_the_host(get: Get, query: str) -> None:
    answer = get(f"/search{query}", headers={"host": "evil.example"}, follow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["location"] == f"search/{query}"
    assert str(answer.url.join(answer.headers["location"])).endswith(f"/search/{query}")


def test_no_other_path_is_redirected(get: Get) -> None:
    answer = get("/models/", headers={"host": "evil.example"}, follow_redirects=False)
    assert answer.status_code == 404
