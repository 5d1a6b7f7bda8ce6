"""The server that stands in for turbopuffer does what its API says, asked by its own client."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from turbopuffer import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    Turbopuffer,
)

from app.measure.turbopuffer_server import API_KEY, Fault, TurbopufferServer

COSINE = "cosine_distance"

# the client's types know no attributes
Client = Any


@pytest.fixture
def client(turbopuffer: TurbopufferServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Turbopuffer]:
    monkeypatch.delenv("TURBOPUFFER_REGION", raising=False)
    with Turbopuffer(api_key=API_KEY, base_url=turbopuffer.url, max_retries=0) as made:
        yield made


@pytest.fixture
def namespace(client: Turbopuffer) -> Client:
    return client.namespace("songs")


def ids(answer: Any) -> list[int]:
    return [row.id for row in answer.rows or ()]


def fill(namespace: Client) -> None:
    namespace.write(
        upsert_rows=[
            {"id": 1, "vector": [1, 0], "title": "one", "plays": 1, "public": True},
            {"id": 2, "vector": [0.6, 0.8], "title": "two", "plays": 2, "public": False},
            {"id": 3, "vector": [0, 1], "title": "three", "public": True},
        ],
        distance_metric=COSINE,
    )


def test_rows_and_columns_and_base64_say_the_same(namespace: Client) -> None:
    answer = namespace.write(
        upsert_columns={"id": [4, 5], "vector": [[1, 0], [0, 1]], "title": ["four", None]}, distance_metric=COSINE
    )
    assert (answer.rows_affected, answer.status) == (2, "OK")
    namespace.write(upsert_rows=[{"id": 6, "vector": "AACAPwAAAAA="}], distance_metric=COSINE)
    found = namespace.query(rank_by=("id", "asc"), limit=10, include_attributes=True)
    rows = [row.to_dict() for row in found.rows or ()]
    assert rows == [
        {"id": 4, "vector": [1, 0], "title": "four"},
        {"id": 5, "vector": [0, 1]},
        {"id": 6, "vector": [1, 0]},
    ]


def test_neighbours_with_distances_filters_and_attributes(namespace: Client) -> None:
    fill(namespace)
    found = namespace.query(rank_by=("vector", "ANN", [1, 0]), top_k=2, include_attributes=["title"])
    assert [(row.id, row["title"]) for row in found.rows or ()] == [(1, "one"), (2, "two")]
    assert [row["$dist"] for row in found.rows or ()] == pytest.approx([0, 0.4], abs=1e-6)
    public = namespace.query(rank_by=("vector", "ANN", [1, 0]), limit=5, filters=("public", "Eq", True))
    assert ids(public) == [1, 3]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("plays", "Gt", 1), [2]),
        (("plays", "Lte", 2), [1, 2]),
        (("plays", "Eq", None), [3]),
        (("plays", "NotEq", None), [1, 2]),
        (("id", "In", [3, 1, 9]), [1, 3]),
        (("id", "NotIn", [3, 1]), [2]),
        (("And", (("public", "Eq", True), ("id", "Gt", 1))), [3]),
        (("Or", (("title", "Eq", "one"), ("plays", "Gte", 2))), [1, 2]),
        (("Not", ("title", "Eq", "one")), [2, 3]),
    ],
)
def test_filters(namespace: Client, filters: Any, expected: list[int]) -> None:
    fill(namespace)
    assert ids(namespace.query(rank_by=("id", "asc"), limit=10, filters=filters)) == expected


def test_several_queries_at_once(namespace: Client) -> None:
    fill(namespace)
    answer = namespace.multi_query(
        queries=[
            {"rank_by": ("vector", "ANN", [1, 0]), "top_k": 1},
            {"rank_by": ("vector", "ANN", [0, 1]), "top_k": 1},
        ]
    )
    assert [ids(result) for result in answer.results] == [[1], [3]]


def test_conditions_are_asked_only_where_there_is_a_document(namespace: Client) -> None:
    fill(namespace)
    newer = ("plays", "Lt", {"$ref_new": "plays"})
    rows = [{"id": track, "vector": [1, 0], "plays": 2, "title": "new"} for track in (1, 2, 3, 4)]
    assert namespace.write(upsert_rows=rows, upsert_condition=newer, distance_metric=COSINE).rows_affected == 2
    found = namespace.query(rank_by=("id", "asc"), limit=10, include_attributes=["title"])
    # 3 has no plays, and an order with nothing is not true
    assert [row["title"] for row in found.rows or ()] == ["new", "two", "three", "new"]


def test_patches_deletions_and_deletions_by_filter(namespace: Client) -> None:
    fill(namespace)
    assert namespace.write(patch_rows=[{"id": 1, "title": "uno"}, {"id": 9, "title": "no"}]).rows_affected == 1
    assert namespace.write(deletes=[2, 8]).rows_affected == 1
    assert namespace.write(delete_by_filter=("title", "Eq", "three")).rows_affected == 1
    assert ids(namespace.query(rank_by=("id", "asc"), limit=10)) == [1]
    fill(namespace)
    namespace.write(deletes=[1, 2], delete_condition=("plays", "Eq", 2))
    namespace.write(patch_rows=[{"id": 1, "plays": 7}, {"id": 3, "plays": 7}], patch_condition=("public", "Eq", False))
    assert ids(namespace.query(rank_by=("id", "asc"), limit=10, filters=("plays", "NotEq", 7))) == [1, 3]


def test_namespaces_are_made_listed_described_and_dropped(client: Turbopuffer, turbopuffer: TurbopufferServer) -> None:
    for name in ("songs-a", "songs-b", "other"):
        fill(client.namespace(name))
    assert [found.id for found in client.namespaces(prefix="songs-", page_size=1)] == ["songs-a", "songs-b"]
    found = client.namespace("songs-a").metadata()
    assert found.approx_row_count == 3
    assert getattr(found.schema_["vector"], "type", None) == "[2]f32"
    client.namespace("songs-a").delete_all()
    assert "songs-a" not in turbopuffer.namespaces
    for missing in (client.namespace("songs-a").metadata, client.namespace("songs-a").delete_all):
        with pytest.raises(NotFoundError, match="was not found"):
            missing()
    with pytest.raises(NotFoundError):
        client.namespace("songs-a").query(rank_by=("id", "asc"), limit=1)
    with pytest.raises(NotFoundError):
        client.namespace("songs-a").write(upsert_rows=[{"id": 1, "vector": [1, 0]}], create_namespace=False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"upsert_rows": [{"id": 1, "vector": [1, 0]}, {"id": 1, "vector": [1, 0]}]}, "duplicate"),
        ({"upsert_rows": [{"id": 1, "vector": [1, 0, 0]}]}, "3 dimensions"),
        ({"upsert_rows": [{"id": 1, "title": "no vector"}]}, "vector is required"),
        ({"upsert_rows": [{"id": -1, "vector": [1, 0]}]}, "invalid id"),
        ({"upsert_rows": [{"id": 1, "vector": [1, 0], "title": 7}]}, "title must be string"),
        ({"upsert_rows": [{"id": 1, "vector": [1, 0], "title": "x" * 4097}]}, "at most 4096 bytes"),
        ({"patch_rows": [{"id": 1, "vector": [1, 0]}]}, "cannot be patched"),
        ({"upsert_columns": {"id": [1], "vector": []}}, "same length"),
        ({"schema": {"plays": "string"}, "patch_rows": [{"id": 1, "title": "x"}]}, "plays is int"),
        ({"distance_metric": "euclidean_squared", "patch_rows": [{"id": 1, "title": "x"}]}, "metric"),
        ({"delete_by_filter": ("plays", "Like", 1)}, "unknown operator"),
    ],
)
def test_what_is_wrong_is_refused_whole(namespace: Client, body: Any, reason: str) -> None:
    fill(namespace)
    with pytest.raises(BadRequestError, match=reason):
        namespace.write(**({"distance_metric": COSINE} | body))
    assert ids(namespace.query(rank_by=("id", "asc"), limit=10)) == [1, 2, 3]


def test_what_is_not_filterable_cannot_be_filtered_by_and_may_be_long(namespace: Client) -> None:
    namespace.write(
        upsert_rows=[{"id": 1, "vector": [1, 0], "title": "x" * 5000}],
        schema={"title": {"type": "string", "filterable": False}},
        distance_metric=COSINE,
    )
    with pytest.raises(BadRequestError, match="not filterable"):
        namespace.query(rank_by=("id", "asc"), limit=1, filters=("title", "Eq", "x"))


def test_keys_and_names_are_looked_at(turbopuffer: TurbopufferServer, client: Turbopuffer) -> None:
    stranger = Turbopuffer(api_key="wrong", base_url=turbopuffer.url, max_retries=0)
    with stranger, pytest.raises(AuthenticationError):
        stranger.namespace("songs").metadata()
    with pytest.raises(BadRequestError, match="namespace name"):
        client.namespace("söngs").metadata()


@pytest.mark.parametrize(
    ("fault", "error", "written"),
    [
        (Fault("status", status=500), InternalServerError, False),
        (Fault("status", status=500, after=True), InternalServerError, True),
        (Fault("status", status=429, retry_after=3), RateLimitError, False),
    ],
)
def test_faults_come_before_or_after(
    turbopuffer: TurbopufferServer, namespace: Client, fault: Fault, error: type[APIStatusError], written: bool
) -> None:
    turbopuffer.faults = [fault]
    with pytest.raises(error) as raised:
        fill(namespace)
    assert bool(turbopuffer.live("songs")) is written
    after = raised.value.response.headers.get("retry-after")
    assert after == (None if fault.retry_after is None else str(fault.retry_after))


def test_a_delayed_write_happens_when_it_is_let(turbopuffer: TurbopufferServer, namespace: Client) -> None:
    turbopuffer.faults = [Fault("delay")]
    with pytest.raises(Exception, match=r"(?i)connection"):
        fill(namespace)
    assert turbopuffer.live("songs") == {}
    turbopuffer.apply_delayed()
    assert sorted(turbopuffer.live("songs")) == [1, 2, 3]


def test_a_request_can_be_held(turbopuffer: TurbopufferServer, namespace: Client) -> None:
    turbopuffer.faults = [Fault("hold", only="write")]

    async def steps() -> None:
        writing: Callable[[], None] = lambda: fill(namespace)  # noqa: E731 - handed to a thread
        held = asyncio.create_task(asyncio.to_thread(writing))
        assert await asyncio.to_thread(turbopuffer.held.wait, 5)
        assert turbopuffer.live("songs") == {}
        turbopuffer.release.set()
        await held

    asyncio.run(steps())
    assert len(turbopuffer.live("songs")) == 3
