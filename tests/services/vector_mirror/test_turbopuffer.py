"""turbopuffer's own ways to fail, through its own client."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from app.measure.turbopuffer_server import API_KEY, Fault, TurbopufferServer
from services.vector_mirror import (
    DocumentsRefusedError,
    MirrorError,
    MirrorRefusedError,
    MirrorUnavailableError,
)
from services.vector_mirror.turbopuffer import TurbopufferMirror
from tests.services.vector_mirror.conftest import run
from tests.services.vector_mirror.test_interface import NAMESPACE, axis, document

Connected = Callable[..., AbstractAsyncContextManager[TurbopufferMirror]]


def attempt(connected: Connected, fault: Fault, turbopuffer: TurbopufferServer, **options: Any) -> MirrorError | None:
    """What a write with a fault raises."""

    async def steps() -> MirrorError | None:
        async with connected(**options) as mirror:
            await mirror.create(NAMESPACE, 4)
            turbopuffer.faults = [fault]
            try:
                await mirror.write(NAMESPACE, [document(1)])
            except MirrorError as error:
                return error
            return None

    return run(steps)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=500),
        Fault("status", status=503),
        Fault("status", status=429, retry_after=0.01),
        Fault("status", status=409),
        Fault("status", status=500, after=True),
        Fault("reset"),
        Fault("reset", after=True),
        Fault("duplicate"),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again(connected: Connected, turbopuffer: TurbopufferServer, fault: Fault) -> None:
    assert attempt(connected, fault, turbopuffer, max_retries=2) is None
    assert list(turbopuffer.live(NAMESPACE)) == [1]


@pytest.mark.parametrize("fault", [Fault("status", status=500), Fault("reset"), Fault("silence")], ids=str)
def test_what_does_not_pass_is_told_as_such(connected: Connected, turbopuffer: TurbopufferServer, fault: Fault) -> None:
    error = attempt(connected, fault, turbopuffer, max_retries=0, timeout_seconds=0.3)
    assert isinstance(error, MirrorUnavailableError)
    assert turbopuffer.live(NAMESPACE) == {}


def test_it_waits_as_long_as_it_is_asked_to(connected: Connected, turbopuffer: TurbopufferServer) -> None:
    began = time.monotonic()
    assert attempt(connected, Fault("status", status=429, retry_after=1), turbopuffer, max_retries=1) is None
    assert time.monotonic() - began >= 1


def test_a_wrong_key_names_its_setting_and_is_not_shown(connected: Connected) -> None:
    async def steps() -> None:
        async with connected("tpuf_wrong") as mirror:
            for work in (
                mirror.inspect(NAMESPACE),
                mirror.create(NAMESPACE, 4),
                mirror.nearest(NAMESPACE, axis(0), 1, model="m@1"),
                mirror.drop(NAMESPACE),
            ):
                with pytest.raises(MirrorRefusedError, match=r"TURBOPUFFER_API_KEY.*TURBOPUFFER_REGION") as refused:
                    await work
                assert "tpuf_wrong" not in str(refused.value)

    run(steps)


def test_a_wrong_region_names_its_setting() -> None:
    async def steps() -> None:
        mirror = TurbopufferMirror(API_KEY, region="nowhere.invalid", max_retries=0)
        with pytest.raises(MirrorUnavailableError, match=r"nowhere\.invalid\.turbopuffer\.com.*TURBOPUFFER_REGION"):
            await mirror.inspect(NAMESPACE)
        await mirror.close()

    run(steps)


def test_an_address_wins_over_a_region_in_the_environment(
    connected: Connected, turbopuffer: TurbopufferServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURBOPUFFER_REGION", "gcp-us-central1")
    monkeypatch.setenv("TURBOPUFFER_BASE_URL", "http://127.0.0.1:9")

    async def steps() -> None:
        async with connected() as mirror:
            assert await mirror.inspect(NAMESPACE) is None

    run(steps)
    assert turbopuffer.requests


def test_the_region_is_put_into_an_address() -> None:
    mirror = TurbopufferMirror(API_KEY, region="eu", base_url="https://{region}.proxy.invalid", max_retries=0)

    async def steps() -> None:
        with pytest.raises(MirrorUnavailableError, match=r"https://eu\.proxy\.invalid"):
            await mirror.inspect(NAMESPACE)

    run(steps, mirror)


def test_an_id_that_cannot_be_is_refused(connected: Connected) -> None:
    async def steps() -> None:
        async with connected() as mirror:
            await mirror.create(NAMESPACE, 4)
            with pytest.raises(DocumentsRefusedError, match="invalid id"):
                await mirror.write(NAMESPACE, [document(-1)])

    run(steps)


def test_a_search_asks_once(connected: Connected, turbopuffer: TurbopufferServer) -> None:
    async def steps() -> None:
        async with connected(max_retries=3) as mirror:
            await mirror.create(NAMESPACE, 4)
            turbopuffer.faults = [Fault("status", status=503)]
            turbopuffer.requests.clear()
            with pytest.raises(MirrorUnavailableError):
                await mirror.nearest(NAMESPACE, axis(0), 1, model="m@1")

    run(steps)
    assert len(turbopuffer.requests) == 1


def test_vectors_travel_as_base64_and_writes_carry_their_condition(
    connected: Connected, turbopuffer: TurbopufferServer
) -> None:
    async def steps() -> None:
        async with connected() as mirror:
            await mirror.create(NAMESPACE, 4)
            await mirror.write(NAMESPACE, [document(1)])

    run(steps)
    _, _, body = turbopuffer.requests[-1]
    assert body["upsert_rows"][0]["vector"] == "AACAPwAAAAAAAAAAAAAAAA=="
    assert body["upsert_condition"] == ["Or", [["version", "Lt", {"$ref_new": "version"}], ["version", "Eq", None]]]
    assert body["create_namespace"] is False
    assert body["distance_metric"] == "cosine_distance"
    assert body["schema"]["title"] == {"type": "string", "filterable": False}
