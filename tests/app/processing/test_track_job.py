"""The work on one track, beside people who change it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import psycopg
import pytest

from app.database import Database, connect, load_statement
from app.processing.genres import genre_job
from app.processing.track_job import FailedAttempt, PermanentJobError, TrackJob, work_on_track
from app.providers import Providers
from services.audio_store import Recording
from tests.support.catalogue import Catalogue
from tests.support.decoders import STUCK, decoding_by, running_decoders, wait_until
from tests.support.recordings import excerpt
from tests.support.waiting import wait_behind_lock


@pytest.mark.parametrize(
    ("change", "kept"),
    [("delete from tracks where id = %s", 0), ("update tracks set file_id = 'other' where id = %s", 0),
     ("update tracks set title = 'Other' where id = %s", 1)],
)  # fmt: skip
def test_a_failure_is_kept_only_of_a_track_that_is_there(
    database: str, catalogue: Catalogue, change: str, kept: int
) -> None:
    """The change is under way while the failure is recorded, and commits first."""
    track = catalogue.track("Gone soon", file_id="abc")
    failed = FailedAttempt(track, "abc", "embed_track", "model@1", "no audio", permanent=False, attempts=1)
    with (
        psycopg.connect(database) as changing,
        connect(database) as recording,
        ThreadPoolExecutor(1) as threads,
    ):
        changing.execute(change.encode(), [track])
        recorded = threads.submit(recording.execute, load_statement("record_job_failure"), asdict(failed))
        wait_behind_lock(recorded, recording, catalogue.connection)
        changing.commit()
        recorded.result()
        recording.commit()
    assert catalogue.connection.execute("select count(*) from search.job_failures").fetchone() == (kept,)


def test_audio_of_another_artists_private_track_is_not_read(
    database: str, catalogue: Catalogue, providers: Providers
) -> None:
    """What it sounds like is private too."""
    catalogue.track("Secret", artist=catalogue.artist("one.example"), file_id="abc", visibility="private")
    copy = catalogue.track("Copy", artist=catalogue.artist("another.example"), file_id="abc")
    read: list[Recording] = []
    job = TrackJob("classify_genres", "", "classified", read.append, "store_genres", lambda _: {})

    async def steps() -> None:
        async with Database.open(database, pool_size=1) as opened:
            await work_on_track(opened, providers.audio_store, job, (copy, "abc"))

    with pytest.raises(PermanentJobError, match="a private or supporters-only track of another artist has this audio"):
        asyncio.run(steps())
    assert read == []
    failed = catalogue.connection.execute("select track_id, permanent from search.job_failures").fetchall()
    assert failed == [(copy, True)]


def test_a_job_that_is_cancelled_ends_its_decoder_and_counts_as_no_failure(
    database: str, catalogue: Catalogue, providers: Providers
) -> None:
    with excerpt("calm_acoustic_1").open("rb") as audio:
        file_id = providers.audio_store.put(audio, "opus").file_id
    track = catalogue.track("Broken off", file_id=file_id, file_type="opus")
    job = genre_job(providers)
    assert job is not None

    async def steps() -> None:
        async with Database.open(database, pool_size=2) as opened:
            work = work_on_track(opened, providers.audio_store, job, (track, file_id))
            working = asyncio.create_task(work)
            while not running_decoders(STUCK):
                assert not working.done()
                await asyncio.sleep(0.01)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            assert working.cancelled()

    with decoding_by(STUCK):
        asyncio.run(steps())
        wait_until(lambda: not running_decoders(STUCK))
    assert catalogue.connection.execute("select count(*) from search.job_failures").fetchone() == (0,)
