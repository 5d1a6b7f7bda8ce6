"""Recommended tags over HTTP, with the real model and the real worker."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import psycopg
import pytest

from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import open_client
from tests.support.catalogue import Catalogue
from tests.support.recordings import excerpt
from workers.app import run_worker

Connection = psycopg.Connection[Any]
Get = Callable[..., httpx2.Response]

FOUND = [
    {"name": "techno", "confidence": 0.8},
    {"name": "house", "confidence": 0.6},
    {"name": "ambient", "confidence": 0.4},
]


def classified(catalogue: Catalogue, file_id: str = "f", **columns: Any) -> int:
    extra = json.dumps({"genre_predictions": FOUND, "genre_predictions_file_id": "f"})
    return catalogue.track("One", file_id=file_id, extra=extra, **columns)


@pytest.fixture
def impatient(settings: Settings, providers: Providers) -> Get:
    """GET one path of an application that waits for nothing."""

    def request(path: str, with_providers: Providers = providers) -> httpx2.Response:
        async def steps() -> httpx2.Response:
            changed = settings.model_copy(update={"recommended_tags_wait_seconds": 0.0})
            async with open_client(changed, with_providers) as client:
                return await client.get(path)

        return asyncio.run(steps())

    return request


def test_what_is_stored_is_answered_as_the_contract_has_it(get: Get, catalogue: Catalogue) -> None:
    track = classified(catalogue)
    response = get(f"/tracks/{track}/recommended-tags?limit=2")
    assert response.status_code == 200
    assert response.json() == {
        "track_id": track,
        "tags": [{"name": "techno", "score": 0.8}, {"name": "house", "score": 0.6}],
        "available": True,
    }


def test_tags_that_the_track_has_are_left_out(get: Get, catalogue: Catalogue) -> None:
    track = classified(catalogue, tags=("House", "mine"))
    names = [tag["name"] for tag in get(f"/tracks/{track}/recommended-tags?limit=2").json()["tags"]]
    assert names == ["techno", "ambient"]


def test_a_track_is_classified_while_somebody_waits(
    settings: Settings, providers: Providers, catalogue: Catalogue, connection: Connection
) -> None:
    content = excerpt("calm_electronic_s522").read_bytes()
    file_id = hashlib.sha256(content).hexdigest()
    with excerpt("calm_electronic_s522").open("rb") as file:
        providers.audio_store.put(file, "opus")
    track = catalogue.track("One", file_id=file_id, file_type="opus")
    connection.execute("delete from procrastinate_jobs")

    async def steps() -> tuple[httpx2.Response, httpx2.Response]:
        working = asyncio.create_task(run_worker(str(settings.database_url), settings, providers))
        async with open_client(settings, providers) as client:
            asked = await client.get(f"/tracks/{track}/recommended-tags?limit=3", timeout=30)
            again = await client.get(f"/tracks/{track}/recommended-tags?limit=3")
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return asked, again

    asked, again = asyncio.run(steps())
    assert asked.json()["available"] is True
    assert len(asked.json()["tags"]) == 3
    assert "electronic" in {tag["name"] for tag in asked.json()["tags"]}
    assert again.json() == asked.json()


def test_without_a_worker_the_answer_comes_all_the_same_and_a_job_is_left(
    impatient: Get, catalogue: Catalogue, connection: Connection
) -> None:
    track = catalogue.track("One")
    connection.execute("delete from procrastinate_jobs")
    response = impatient(f"/tracks/{track}/recommended-tags")
    assert response.json() == {"track_id": track, "tags": [], "available": True}
    jobs = connection.execute("select task_name, priority from procrastinate_jobs").fetchall()
    assert jobs == [("classify_genres", -5)]


def test_predictions_of_other_audio_are_not_used(impatient: Get, catalogue: Catalogue) -> None:
    track = classified(catalogue, file_id="newer")
    assert impatient(f"/tracks/{track}/recommended-tags").json()["tags"] == []


def test_audio_that_cannot_be_classified_is_not_waited_for(
    get: Get, catalogue: Catalogue, connection: Connection
) -> None:
    track = catalogue.track("One")
    connection.execute("update procrastinate_jobs set status = 'failed'")
    connection.execute(
        "insert into search.job_failures (track_id, task, file_id, reason, permanent, attempts) "
        "values (%s, 'classify_genres', 'f', 'because', true, 1)",
        [track],
    )
    before = time.monotonic()
    assert get(f"/tracks/{track}/recommended-tags").json() == {"track_id": track, "tags": [], "available": True}
    assert time.monotonic() - before < 7, "the wait is 8 s"


def test_nothing_is_available_where_nobody_names_genres(
    impatient: Get, providers: Providers, catalogue: Catalogue, connection: Connection
) -> None:
    track = classified(catalogue)
    connection.execute("delete from procrastinate_jobs")
    response = impatient(f"/tracks/{track}/recommended-tags", replace(providers, genres=None))
    assert response.json() == {"track_id": track, "tags": [], "available": False}
    assert connection.execute("select count(*) from procrastinate_jobs").fetchone() == (0,)


def test_tracks_that_are_not_the_viewers_to_find_are_not_there(get: Get, catalogue: Catalogue) -> None:
    private = classified(catalogue, visibility="private")
    unlisted = classified(catalogue, visibility="unlisted")
    statuses = [get(f"/tracks/{track}/recommended-tags").status_code for track in (private, unlisted, 999)]
    assert statuses == [404, 200, 404]


@pytest.mark.parametrize("limit", ["0", "51", "x"])
def test_limits_are_named(get: Get, catalogue: Catalogue, limit: str) -> None:
    response = get(f"/tracks/{classified(catalogue)}/recommended-tags?limit={limit}")
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["query", "limit"]
