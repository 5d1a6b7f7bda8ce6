"""Following tracks: one statement for all who wait."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import psycopg
import pytest

from app.catalogue import TrackRecord, read_track
from app.database import Database, EmbeddedPostgres, connect
from app.http.track_follower import TrackFollower
from tests.support.catalogue import Catalogue
from tests.support.sent_statements import await_polls, polls, statements


@asynccontextmanager
async def following(url: str) -> AsyncIterator[tuple[TrackFollower, Database]]:
    async with Database.open(url, pool_size=1) as database:
        follower = TrackFollower(database, look_seconds=0.001)
        yield follower, database
        await follower.close()


async def known(database: Database, track: int) -> TrackRecord:
    found = await read_track(database, track)
    assert found is not None
    return found


async def run_in_thread(connection: psycopg.Connection[Any], statement: str) -> None:
    await asyncio.to_thread(connection.execute, statement.encode())


@pytest.mark.parametrize(("listeners", "tracks"), [(1, 1), (100, 1), (100, 100)])
def test_listeners_share_one_statement(database: str, catalogue: Catalogue, listeners: int, tracks: int) -> None:
    ids = [catalogue.track(f"Track {number}") for number in range(tracks)]

    async def steps() -> tuple[int, float]:
        async with following(database) as (follower, opened):
            records = [await known(opened, ids[number % tracks]) for number in range(listeners)]
            with ExitStack() as stack, statements() as sent:
                before = polls()
                for number, record in enumerate(records):
                    stack.enter_context(follower.follow(record, f"did:plc:{number}"))
                await await_polls(4)
                return len(sent), polls() - before

    sent, polled = asyncio.run(steps())
    # the last poll may not have sent its statement yet
    assert polled - 1 <= sent <= polled


def test_each_viewer_is_asked_for(database: str, catalogue: Catalogue) -> None:
    """A track that turns private is gone for strangers, and goes on for its artist."""
    artist = catalogue.artist("me.example")
    track = catalogue.track("Mine", artist=artist)

    async def steps() -> None:
        async with following(database) as (follower, opened):
            record = await known(opened, track)
            with (
                follower.follow(record, None) as unknown,
                follower.follow(record, "did:plc:other") as stranger,
                follower.follow(record, artist) as owner,
            ):
                await run_in_thread(catalogue.connection, "update tracks set visibility = 'private'")
                assert await unknown.change() is None
                assert await stranger.change() is None
                await run_in_thread(catalogue.connection, "delete from procrastinate_jobs")
                seen = await owner.change()
                assert seen is not None
                assert (seen.visible, seen.state) == (True, "missing")

    asyncio.run(steps())


def test_it_polls_only_while_there_are_listeners(database: str, catalogue: Catalogue) -> None:
    track = catalogue.track("Followed")

    async def ended(follower: TrackFollower) -> None:
        while follower.polling:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)

    async def steps() -> None:
        async with following(database) as (follower, opened):
            assert not follower.polling
            record = await known(opened, track)
            for _ in range(2):
                with follower.follow(record, None):
                    assert follower.polling
                    await await_polls(2)
                await ended(follower)
            with follower.follow(record, None):
                await follower.close()
                assert not follower.polling

    asyncio.run(steps())


def test_an_outage_is_waited_out(database: str, server: EmbeddedPostgres, catalogue: Catalogue) -> None:
    track = catalogue.track("Followed")
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    others = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> %s"

    def refuse(refused: bool) -> None:
        with connect(server.url) as maintenance:
            maintenance.autocommit = True
            allowed = "false" if refused else "true"
            maintenance.execute(f'alter database "{name}" allow_connections {allowed}'.encode())
            if refused:
                maintenance.execute(others, [name, catalogue.connection.info.backend_pid])

    async def steps() -> None:
        async with following(database) as (follower, opened):
            with follower.follow(await known(opened, track), None) as listener:
                await asyncio.to_thread(refuse, True)
                changed: Coroutine[Any, Any, TrackRecord | None] = listener.change()
                waiting = asyncio.create_task(changed)
                await await_polls(3)
                assert not waiting.done()
                await run_in_thread(catalogue.connection, "delete from tracks")
                await asyncio.to_thread(refuse, False)
                assert await waiting is None

    asyncio.run(steps())
