"""Calibration with the real model."""

import asyncio
from typing import Any

import numpy as np
import psycopg

from app.database import Database
from app.processing.calibration import FEWEST_TRACKS, calibrate
from app.providers import Providers
from models.relevance.calibration import load_texts
from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]


def run(database: str, providers: Providers, *, at_once: bool = False) -> bool:
    async def once() -> bool:
        async with Database.open(database, pool_size=1) as opened:
            return await calibrate(opened, providers.embedding, at_once=at_once)

    return asyncio.run(once())


def fill(catalogue: Catalogue, providers: Providers, count: int) -> None:
    """Tracks that sound as the bank's descriptions say, blurred."""
    blur = np.random.default_rng(5)
    for number in range(count):
        vector = providers.embedding.embed_text(load_texts().descriptions[number % 100]) + 0.1 * blur.normal(size=100)
        catalogue.embed(catalogue.track(f"Track {number}"), (vector / np.linalg.norm(vector)).astype(np.float32))


def test_a_catalogue_is_calibrated_when_it_is_due(
    database: str, catalogue: Catalogue, connection: Connection, providers: Providers
) -> None:
    fill(catalogue, providers, FEWEST_TRACKS - 1)
    assert not run(database, providers)
    assert not run(database, providers, at_once=True)
    fill(catalogue, providers, 25)
    assert run(database, providers)
    row = connection.execute(
        "select match_slope, audibility_slope, tracks, sampled from search.calibrations"
    ).fetchone()
    assert row is not None
    assert (row[0], row[2], row[3]) == (np.float32(providers.embedding.card.match["slope"]), 40, 40)
    assert row[1] > 1
    assert not run(database, providers)
    fill(catalogue, providers, 5)
    assert run(database, providers)
    connection.execute("update search.calibrations set refreshed_at = now() - interval '25 hours'")
    assert run(database, providers)


def test_of_those_that_come_at_once_one_calibrates(database: str, catalogue: Catalogue, providers: Providers) -> None:
    fill(catalogue, providers, 20)

    async def several() -> list[bool]:
        async with Database.open(database, pool_size=4) as opened:
            return await asyncio.gather(*(calibrate(opened, providers.embedding) for _ in range(4)))

    assert sorted(asyncio.run(several())) == [False, False, False, True]


def test_two_workers_at_once_agree(database: str, catalogue: Catalogue, providers: Providers) -> None:
    fill(catalogue, providers, 20)

    async def both() -> list[bool]:
        async with Database.open(database, pool_size=2) as opened:
            return await asyncio.gather(*(calibrate(opened, providers.embedding, at_once=True) for _ in range(2)))

    assert asyncio.run(both()) == [True, True]
    kept = catalogue.connection.execute("select count(*) from search.calibration_tracks").fetchone()
    assert kept == (20,)
