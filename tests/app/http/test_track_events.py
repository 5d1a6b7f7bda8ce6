"""The state of a track's processing, live, on a real socket with a real worker."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest

from app.http.application import create_api
from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import open_client
from tests.support.catalogue import Catalogue
from tests.support.recordings import excerpt
from tests.support.sent_statements import polls, statements
from tests.support.serving import serving
from workers.app import run_worker

Event = tuple[str, dict[str, Any]]


async def events(answer: httpx2.Response) -> AsyncIterator[Event]:
    """What a browser makes of the stream."""
    name, data = "message", ""
    async for line in answer.aiter_lines():
        if not line and data:
            yield name, json.loads(data)
            name, data = "message", ""
        elif line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data += line.removeprefix("data:").strip()


@asynccontextmanager
async def socket_client(settings: Settings, providers: Providers) -> AsyncIterator[httpx2.AsyncClient]:
    """A client over a real connection: in this process an answer is handed over only when it is whole."""
    with serving(create_api(str(settings.database_url), settings, providers)) as address:
        async with httpx2.AsyncClient(base_url=address, timeout=60) as client:
            yield client


@asynccontextmanager
async def begun(client: httpx2.AsyncClient, track: int) -> AsyncIterator[tuple[Event, AsyncIterator[Event]]]:
    """The first event of a track's stream, and those that are to come."""
    async with client.stream("GET", f"/tracks/{track}/events") as answer:
        following = events(answer)
        yield await anext(following), following


async def all_events(client: httpx2.AsyncClient, track: int, **options: Any) -> list[Event]:
    async with client.stream("GET", f"/tracks/{track}/events", timeout=60, **options) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [event async for event in events(answer)]


@pytest.fixture
def recorded(catalogue: Catalogue, providers: Providers) -> int:
    """A track whose audio is in the store."""
    with excerpt("calm_acoustic_1").open("rb") as audio:
        stored = providers.audio_store.put(audio, "opus")
    return catalogue.track("Calm", file_id=stored.file_id, file_type="opus")


def test_it_is_followed_until_it_is_done(settings: Settings, providers: Providers, recorded: int) -> None:
    async def steps() -> list[Event]:
        async with socket_client(settings, providers) as client, begun(client, recorded) as (first, following):
            await run_worker(str(settings.database_url), settings, providers, wait=False)
            return [first, *[event async for event in following]]

    found = asyncio.run(steps())
    states = [body["processing"]["state"] for name, body in found if name == "track"]
    assert states[0] == "queued"
    assert states[-1] == "done"
    assert found[-1] == ("end", {"deleted": False})
    assert all(body["id"] == recorded for name, body in found if name == "track")


def test_what_is_finished_ends_at_once(settings: Settings, providers: Providers, catalogue: Catalogue) -> None:
    track = catalogue.track("Done")
    catalogue.connection.execute("delete from procrastinate_jobs")

    async def steps() -> list[Event]:
        async with open_client(settings, providers) as client:
            return await all_events(client, track)

    found = asyncio.run(steps())
    assert [name for name, _ in found] == ["track", "end"]


@pytest.mark.parametrize("change", ["delete from tracks", "update tracks set visibility = 'private', title = 'secret'"])
def test_a_track_that_goes_or_is_hidden_ends_the_stream(
    settings: Settings, providers: Providers, catalogue: Catalogue, change: str
) -> None:
    track = catalogue.track("Gone soon")

    async def steps() -> list[Event]:
        async with socket_client(settings, providers) as client, begun(client, track) as (first, following):
            await asyncio.to_thread(catalogue.connection.execute, change.encode())
            return [first, *[event async for event in following]]

    found = asyncio.run(steps())
    assert found[0][1]["title"] == "Gone soon"
    assert found[-1] == ("end", {"deleted": True})
    assert "secret" not in str(found)


def test_a_track_that_nobody_may_see_is_not_there(
    settings: Settings, catalogue: Catalogue, with_client: Callable[..., Any]
) -> None:
    did = catalogue.artist("me.example")
    track = catalogue.track("My secret", artist=did, visibility="private")
    catalogue.connection.execute("delete from procrastinate_jobs")
    settings.viewer_header = "X-Viewer"

    async def steps(client: httpx2.AsyncClient) -> None:
        assert (await client.get(f"/tracks/{track}/events")).status_code == 404
        assert (await client.get("/tracks/999999/events")).status_code == 404
        found = await all_events(client, track, headers={"X-Viewer": did})
        assert [name for name, _ in found] == ["track", "end"]

    with_client(steps)


def test_one_stream_too_many_is_refused(settings: Settings, providers: Providers, recorded: int) -> None:
    """What has ended makes room again."""

    async def steps() -> list[int]:
        limited = settings.model_copy(update={"event_streams": 1})
        async with socket_client(limited, providers) as client:
            async with begun(client, recorded) as (_, following):
                refused = await client.get(f"/tracks/{recorded}/events")
                assert "too many streams" in refused.json()["detail"]
                assert refused.headers["retry-after"] == "10"
                await run_worker(str(settings.database_url), settings, providers, wait=False)
                assert [name async for name, _ in following][-1] == "end"
            return [refused.status_code, (await client.get(f"/tracks/{recorded}/events")).status_code]

    assert asyncio.run(steps()) == [503, 200]


def test_one_stream_too_many_of_an_address_is_refused(settings: Settings, providers: Providers, recorded: int) -> None:
    async def steps() -> httpx2.Response:
        limited = settings.model_copy(update={"event_streams_per_address": 1})
        async with socket_client(limited, providers) as client, begun(client, recorded):
            return await client.get(f"/tracks/{recorded}/events")

    refused = asyncio.run(steps())
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    assert refused.json() == {"detail": "too many streams are open from this address: try again"}


def test_a_client_that_goes_away_makes_room(settings: Settings, providers: Providers, recorded: int) -> None:
    async def steps() -> None:
        limited = settings.model_copy(update={"event_streams": 1})
        async with socket_client(limited, providers) as client:
            async with begun(client, recorded):
                pass
            while True:
                async with client.stream("GET", f"/tracks/{recorded}/events") as answer:
                    if answer.status_code == 200:
                        break

    asyncio.run(steps())


def test_streams_share_one_statement(settings: Settings, providers: Providers, catalogue: Catalogue) -> None:
    tracks = [catalogue.track(f"Track {number}") for number in range(40)]

    async def steps() -> tuple[list[str], float]:
        many = settings.model_copy(update={"event_streams_per_address": 40})
        async with socket_client(many, providers) as client, AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(begun(client, track)) for track in tracks]
            with statements() as sent:
                before = polls()
                await asyncio.to_thread(catalogue.connection.execute, "delete from procrastinate_jobs")
                for _, following in streams:
                    assert [name async for name, _ in following] == ["track", "end"]
                return [one for one in sent if "search.track_tasks" in one], polls() - before

    sent, polled = asyncio.run(steps())
    # a poll may have been counted before, and sends its statement meanwhile
    assert polled <= len(sent) <= polled + 1
