"""Searches whose neighbours the mirror names: the same results, whatever it does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import numpy as np
import pytest

from app.measure.turbopuffer_server import API_KEY, Fault
from app.providers import Providers
from app.settings import Settings
from services.metrics import PROCESS
from services.vector_mirror.turbopuffer import TurbopufferMirror
from tests.app.conftest import open_client
from tests.support.mirrored import Mirrored

QUERY = "/search/semantic?q=calm%20acoustic%20guitar&limit=5"

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def mirrored(mirrored: Mirrored, providers: Providers) -> Mirrored:
    """The mirror of thirty tracks that are more or less like the query."""
    mirrored.catalogue.calibrate()
    blur = np.random.default_rng(1)
    near = providers.embedding.embed_text("calm acoustic guitar")
    for number in range(30):
        track = mirrored.catalogue.track(f"Track {number}")
        vector = near + 0.02 * (number + 1) * blur.normal(size=near.size)
        mirrored.catalogue.embed(track, (vector / np.linalg.norm(vector)).astype(np.float32))
    mirrored.sync()
    return mirrored


@pytest.fixture
def ask(settings: Settings, providers: Providers, mirrored: Mirrored) -> Ask:
    """Answers of an application whose backend is the mirror, to several requests in turn."""

    def call(*paths: str, meanwhile: Callable[[], None] = lambda: None, **changed: Any) -> list[dict[str, Any]]:
        async def session() -> list[dict[str, Any]]:
            answers = []
            async with opened(settings, providers, mirrored, **changed) as client:
                for path in paths:
                    answers.append((await client.get(path)).json())
                    await asyncio.to_thread(meanwhile)
            return answers

        return asyncio.run(session())

    return call


@asynccontextmanager
async def opened(
    settings: Settings, providers: Providers, mirrored: Mirrored, **changed: Any
) -> AsyncIterator[httpx2.AsyncClient]:
    mirror = TurbopufferMirror(API_KEY, region="api", base_url=mirrored.server.url)
    wanted = settings.model_copy(
        update={"vector_backend": "turbopuffer", "vector_backend_deadline_seconds": 2.0, "sound_min_confidence": 0.0}
        | changed
    )
    async with open_client(wanted, replace(providers, mirror=mirror)) as client:
        yield client


def ids(answer: dict[str, Any]) -> list[int]:
    return [result["id"] for result in answer["results"]]


def queries(mirrored: Mirrored) -> list[dict[str, Any]]:
    return [body for _, path, body in mirrored.server.requests if path.endswith("/query")]


@pytest.mark.parametrize(
    "path", [QUERY, "/search/?q=calm%20acoustic%20guitar&limit=5", "/tracks/3/similar?limit=5", "/search/?q=Track%203"]
)
def test_the_mirror_is_asked_once_and_the_results_are_the_same(ask: Ask, mirrored: Mirrored, path: str) -> None:
    (without,) = ask(path, vector_backend="pgvector")
    assert (without["vector_backend"], without["vector_fallback"]) == ("pgvector", False)
    mirrored.server.requests.clear()
    (found,) = ask(path)
    assert (found["vector_backend"], found["vector_fallback"]) == ("turbopuffer", False)
    assert ids(found) == ids(without)
    assert found["results"]
    (query,) = queries(mirrored)
    assert query["filters"][1][1] == ["visibility", "In", ["public", "supporters"]]


def test_who_may_see_what_is_decided_by_the_database_at_the_time(ask: Ask, mirrored: Mirrored) -> None:
    """The mirror has not been told yet."""
    best = ids(ask(QUERY)[0])
    mirrored.execute("update tracks set visibility = 'private' where id = any (%s)", best[:3])
    (found,) = ask(QUERY)
    assert found["vector_backend"] == "turbopuffer"
    assert len(found["results"]) == 5
    assert not set(ids(found)) & set(best[:3])


def test_a_track_that_the_mirror_does_not_know_yet_is_found(ask: Ask, mirrored: Mirrored, providers: Providers) -> None:
    new = mirrored.catalogue.track("Brand new")
    mirrored.catalogue.embed(new, providers.embedding.embed_text("calm acoustic guitar"))
    assert new not in mirrored.live
    (found,) = ask(QUERY)
    assert (found["vector_backend"], ids(found)[0]) == ("turbopuffer", new)


def test_a_page_is_full_even_where_nearly_all_candidates_are_hidden(ask: Ask, mirrored: Mirrored) -> None:
    """What is noted was lost, as by a bypassed trigger: the mirror names what nobody may see, and little else."""
    kept = sorted(mirrored.live)[-6:]
    mirrored.execute("update tracks set visibility = 'unlisted' where id <> all (%s)", kept)
    mirrored.execute("delete from search.mirror_changes")
    (found,) = ask(QUERY)
    assert len(found["results"]) == 5
    assert set(ids(found)) <= set(kept)


def test_own_private_tracks_are_found_beside_candidates(
    settings: Settings, providers: Providers, mirrored: Mirrored
) -> None:
    did = mirrored.catalogue.artist("me.example")
    mine = mirrored.catalogue.track("My secret", artist=did, visibility="private")
    mirrored.catalogue.embed(mine, providers.embedding.embed_text("calm acoustic guitar"))
    mirrored.sync()

    async def session() -> None:
        async with opened(settings, providers, mirrored, viewer_header="X-Viewer") as client:
            found = (await client.get(QUERY, headers={"X-Viewer": did})).json()
            assert (found["vector_backend"], ids(found)[0]) == ("turbopuffer", mine)
            assert mine not in ids((await client.get(QUERY)).json())

    asyncio.run(session())


@pytest.mark.parametrize(
    "fault",
    [Fault("status", status=500), Fault("status", status=403), Fault("reset"), Fault("silence")],
    ids=str,
)
def test_a_mirror_that_fails_is_done_without(ask: Ask, mirrored: Mirrored, fault: Fault) -> None:
    (without,) = ask(QUERY, vector_backend="pgvector")
    mirrored.server.faults = [replace(fault, only="query")]
    began = time.monotonic()
    failed, again = ask(QUERY, QUERY, vector_backend_deadline_seconds=1.5)
    assert time.monotonic() - began < 10
    assert (failed["vector_backend"], failed["vector_fallback"]) == ("pgvector", True)
    assert ids(failed) == ids(without)
    assert (again["vector_backend"], again["vector_fallback"]) == ("turbopuffer", False)


def test_an_answer_that_makes_no_sense_is_done_without(ask: Ask, mirrored: Mirrored) -> None:
    def lose_distances() -> None:
        mirrored.server.answer_query = lambda answer: answer | {"rows": [{"id": 1}]}

    sensible, senseless = ask(QUERY, QUERY, meanwhile=lose_distances)
    assert sensible["vector_backend"] == "turbopuffer"
    assert (senseless["vector_backend"], senseless["vector_fallback"]) == ("pgvector", True)
    assert ids(senseless) == ids(sensible)


def test_one_that_fails_again_and_again_is_left_alone(ask: Ask, mirrored: Mirrored) -> None:
    mirrored.server.faults = [Fault("status", status=500, only="query")] * 50
    mirrored.server.requests.clear()
    shown: list[float | None] = []

    def look() -> None:
        shown.append(PROCESS.get_sample_value("vibe_search_circuit_open", {"service": "turbopuffer"}))

    answers = ask(*[QUERY] * 8, meanwhile=look)
    assert [answer["vector_fallback"] for answer in answers] == [True] * 8
    assert len(queries(mirrored)) == 5
    assert shown[-1] == 1


def test_one_that_is_too_far_behind_is_not_believed(ask: Ask, mirrored: Mirrored) -> None:
    mirrored.execute("update tracks set title = 'changed' where id = 7")
    (found,) = ask(QUERY)
    assert found["vector_backend"] == "turbopuffer"
    mirrored.execute("update search.mirror_changes set changed_at = now() - interval '31 seconds'")
    (late,) = ask(QUERY)
    assert (late["vector_backend"], late["vector_fallback"]) == ("pgvector", True)
    (patient,) = ask(QUERY, mirror_max_lag_seconds=60.0)
    assert patient["vector_backend"] == "turbopuffer"


def test_a_namespace_of_another_model_is_not_believed(ask: Ask, mirrored: Mirrored) -> None:
    def retire() -> None:
        mirrored.execute("update search.mirror_namespaces set state = 'retired'")

    before, after = ask(QUERY, QUERY, meanwhile=retire)
    assert before["vector_backend"] == "turbopuffer"
    # the process still believes in it; the statement does not
    assert (after["vector_backend"], after["vector_fallback"]) == ("pgvector", True)
    assert ids(after) == ids(before)


def test_an_empty_mirror_is_no_empty_page(ask: Ask, mirrored: Mirrored) -> None:
    mirrored.server.namespaces.clear()
    (found,) = ask(QUERY)
    assert len(found["results"]) == 5


def test_readiness_names_what_is_wrong(ask: Ask, mirrored: Mirrored) -> None:
    (ready,) = ask("/readyz")
    assert (ready["ready"], ready["checks"]["mirror"], ready["missing"]) == (True, "ok", [])
    mirrored.server.faults = [Fault("status", status=500)] * 20
    (unreachable,) = ask("/readyz")
    assert (unreachable["ready"], unreachable["checks"]["mirror"]) == (True, "unreachable")
    mirrored.server.faults = [Fault("status", status=401)]
    (refused,) = ask("/readyz")
    assert (refused["ready"], refused["checks"]["mirror"]) == (False, "missing")
    assert "TURBOPUFFER_API_KEY" in refused["missing"][0]
