"""What a hot standby answers, where its snapshots tell less than those of the primary."""

import asyncio
import json
from typing import Any

import psycopg

from app.database import Database, connect, migrate
from app.http.kept_map import KeptMap
from app.providers import Providers
from tests.support.catalogue import Catalogue
from tests.support.databases import FAST, running_server
from tests.support.standby import running_standby, wait_replayed


def text_of_snapshot(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute("select pg_current_snapshot()::text").fetchone()
    assert row is not None
    return str(row[0])


def test_the_kept_map_loses_a_hidden_track_at_once(providers: Providers) -> None:
    """A snapshot on a standby does not list the transactions that run, so two of them look the same."""
    with running_server(FAST | {"synchronous_commit": "on", "autovacuum": "off"}) as server:
        migrate(server.url, providers.embedding.card)
        with connect(server.url) as primary:
            primary.autocommit = True
            catalogue = Catalogue(primary)
            tracks = [catalogue.track(f"Track {number}") for number in range(3)]
            primary.execute("insert into search.map_points select id, 0.25, 0.5 from tracks")
            primary.execute("insert into search.map_state (tracks) values (3)")
            with (
                running_standby(server) as standby,
                connect(standby.url) as replica,
                connect(server.url) as oldest,
                connect(server.url) as hiding,
                connect(server.url) as latest,
            ):
                replica.autocommit = True
                for writer in (oldest, hiding, latest):
                    # each gets its number, in this order, and writes to the WAL
                    writer.execute("select pg_logical_emit_message(true, 'test', '')")
                hiding.execute("update tracks set visibility = 'private' where id = %s", [tracks[0]])
                latest.commit()
                wait_replayed(primary, replica)

                async def steps() -> None:
                    async with Database.open(standby.url, pool_size=1) as database:
                        kept = KeptMap(database)
                        assert json.loads((await kept.answer()).plain)["ids"] == tracks
                        before = text_of_snapshot(replica)
                        hiding.commit()
                        wait_replayed(primary, replica)
                        assert text_of_snapshot(replica) == before, "this test shows nothing"
                        assert json.loads((await kept.answer()).plain)["ids"] == tracks[1:]

                asyncio.run(steps())
                oldest.rollback()
