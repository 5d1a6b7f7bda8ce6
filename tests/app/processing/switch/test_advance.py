"""What a candidate needs before it serves."""

import asyncio
from typing import Any

import psycopg

from app.database import Database
from app.processing.calibration import FEWEST_TRACKS
from app.processing.switch.advance import advance_switch
from app.providers import Providers
from tests.support.catalogue import Catalogue, direction

Connection = psycopg.Connection[Any]


def advance(database: str, providers: Providers) -> str | None:
    async def once() -> str | None:
        async with Database.open(database, pool_size=1) as opened:
            return await advance_switch(opened, providers)

    return asyncio.run(once())


def begin(catalogue: Catalogue, tracks: int) -> None:
    """Make a model that is not known here the candidate, with some tracks embedded."""
    for number in range(tracks):
        catalogue.embed(catalogue.track(f"Track {number}"), direction(number))
    catalogue.connection.execute("select search_internal.begin_switch('other', 'other@1', 100, 1.0::real)")
    catalogue.connection.execute(
        "insert into search.embeddings (track_id, model_id, file_id, embedding, listed, owner) "
        "select e.track_id, m.id, e.file_id, e.embedding, e.listed, e.owner "
        "from search.embeddings e, search.models m where m.candidate"
    )


def test_a_candidate_without_a_calibration_waits_for_a_process_that_knows_it(
    database: str, catalogue: Catalogue, connection: Connection, providers: Providers
) -> None:
    begin(catalogue, FEWEST_TRACKS)
    assert advance(database, providers) is None
    connection.execute(
        "insert into search.calibrations select m.id, 1, 0, 1, 0, 16, 16, 0 from search.models m where m.candidate"
    )
    assert advance(database, providers) == "other@1"


def test_too_few_tracks_for_a_calibration_hold_up_no_switch(
    database: str, catalogue: Catalogue, providers: Providers
) -> None:
    begin(catalogue, FEWEST_TRACKS - 1)
    assert advance(database, providers) == "other@1"
