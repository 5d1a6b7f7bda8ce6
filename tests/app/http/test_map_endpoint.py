"""GET /map: kept, and never older than what the database would show."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx2
import psycopg
import pytest

from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import open_client
from tests.support.catalogue import Catalogue
from tests.support.sent_statements import statements
from tests.support.statements import running, wait_until, waiting_for_locks

WithClient = Callable[..., Any]
READ = "json_build_object"


@pytest.fixture
def tracks(catalogue: Catalogue) -> list[int]:
    """Tracks that lie on the map."""
    ids = [catalogue.track(f"Track {number}", tags=("calm",)) for number in range(200)]
    catalogue.connection.execute("insert into search.map_points select id, 0.25, 0.5 from tracks")
    catalogue.connection.execute("insert into search.map_state (tracks) values (200)")
    return ids


def test_who_asks_at_the_same_time_shares_one_reading(with_client: WithClient, tracks: list[int]) -> None:
    async def steps(client: httpx2.AsyncClient) -> None:
        with statements() as sent:
            answers = await asyncio.gather(*(client.get("/map") for _ in range(60)))
        assert {answer.status_code for answer in answers} == {200}
        assert all(answer.json()["ids"] == tracks for answer in answers)
        assert sum(READ in one for one in sent) == 1
        assert sum("map_points" in one for one in sent) <= 2

    with_client(steps)


def test_it_is_sent_once_to_each_client(with_client: WithClient, tracks: list[int]) -> None:
    async def steps(client: httpx2.AsyncClient) -> None:
        whole = await client.get("/map", headers={"accept-encoding": "gzip"})
        plain = await client.get("/map", headers={"accept-encoding": "identity"})
        assert whole.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert whole.content == plain.content
        assert plain.json()["ids"] == tracks
        for answer in (whole, plain):
            assert answer.headers["cache-control"] == "private, max-age=60"
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["vary"] == "accept-encoding"
        tag = whole.headers["etag"]
        assert tag == plain.headers["etag"]
        for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            again = await client.get("/map", headers={"if-none-match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
            assert again.headers["cache-control"] == "private, max-age=60"
            assert again.headers["vary"] == "accept-encoding"
        assert (await client.get("/map", headers={"if-none-match": '"other"'})).status_code == 200

    with_client(steps)


@pytest.mark.parametrize(
    "change",
    [
        "update tracks set visibility = 'private' where id = %s",
        "update tracks set visibility = 'unlisted' where id = %s",
        "delete from tracks where id = %s",
    ],
)
def test_what_leaves_it_is_gone_at_once(
    with_client: WithClient, catalogue: Catalogue, tracks: list[int], change: str
) -> None:
    async def steps(client: httpx2.AsyncClient) -> None:
        first = await client.get("/map")
        catalogue.connection.execute(change.encode(), [tracks[0]])
        second = await client.get("/map", headers={"if-none-match": first.headers["etag"]})
        assert (second.status_code, second.json()["ids"]) == (200, tracks[1:])

    with_client(steps)


def test_one_that_leaves_for_another_is_noticed(
    with_client: WithClient, catalogue: Catalogue, tracks: list[int]
) -> None:
    """The number of tracks stays, and so does when it was drawn."""
    execute = catalogue.connection.execute

    async def steps(client: httpx2.AsyncClient) -> None:
        execute("update tracks set visibility = 'private' where id = %s", [tracks[0]])
        assert (await client.get("/map")).json()["ids"] == tracks[1:]
        with catalogue.connection.transaction():
            execute("update tracks set visibility = 'public' where id = %s", [tracks[0]])
            execute("update tracks set visibility = 'private' where id = %s", [tracks[1]])
        assert (await client.get("/map")).json()["ids"] == [tracks[0], *tracks[2:]]

    with_client(steps)


def test_it_is_read_anew_when_it_is_drawn_anew(
    with_client: WithClient, catalogue: Catalogue, tracks: list[int]
) -> None:
    async def steps(client: httpx2.AsyncClient) -> None:
        assert (await client.get("/map")).json()["x"] == [16384] * len(tracks)
        with catalogue.connection.transaction():
            catalogue.connection.execute("update search.map_points set x = 0")
            catalogue.connection.execute("update search.map_state set drawn_at = drawn_at + interval '1 second'")
        assert (await client.get("/map")).json()["x"] == [0] * len(tracks)

    with_client(steps)


@pytest.mark.usefixtures("tracks")
def test_its_reading_ends_when_the_process_stops(settings: Settings, providers: Providers, database: str) -> None:
    """Even where the client has gone, and the others go on to wait for it."""

    async def steps() -> None:
        async with open_client(settings, providers) as client:
            asking = asyncio.create_task(client.get("/map"))
            await asyncio.to_thread(wait_until, lambda: waiting_for_locks(observer) > 0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        assert running(observer) == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with (
        psycopg.connect(database, application_name="holder") as holder,
        psycopg.connect(database, application_name="observer", autocommit=True) as observer,
    ):
        holder.execute("lock table search.map_points in access exclusive mode")
        asyncio.run(steps())
        holder.rollback()


@pytest.mark.usefixtures("tracks")
def test_other_changes_do_not_read_it_anew(with_client: WithClient, catalogue: Catalogue) -> None:
    async def steps(client: httpx2.AsyncClient) -> None:
        await client.get("/map")
        catalogue.track("Not on the map")
        with statements() as sent:
            await client.get("/map")
        assert [READ in one for one in sent if "map_points" in one] == [False]

    with_client(steps)


def test_an_empty_map(with_client: WithClient) -> None:
    async def steps(client: httpx2.AsyncClient) -> None:
        for _ in range(2):
            answer = await client.get("/map")
            assert json.loads(answer.text) == {
                "ids": [], "x": [], "y": [], "genre": [], "genres": [], "drawn_at": None,
            }  # fmt: skip

    with_client(steps)


def test_the_description_is_written_once(with_client: WithClient) -> None:
    async def steps(client: httpx2.AsyncClient) -> None:
        first = await client.get("/openapi.json")
        assert first.json()["info"]["title"] == "vibe-search"
        assert first.headers["content-encoding"] == "gzip"
        again = await client.get("/openapi.json", headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 304

    with_client(steps)
