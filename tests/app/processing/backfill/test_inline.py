"""Working through tracks in several sessions at once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from app.database import Database, connect, load_statement
from app.errors import DatabaseUnavailableError
from app.processing.backfill.inline import InlineProgress, InlineWork
from app.processing.backfill.targets import Backfill
from app.processing.genres import genre_job
from app.processing.track_job import work_on_track
from app.providers import Providers
from app.settings import Settings
from services.audio_store import Recording
from services.genres import GenrePrediction
from tests.support.catalogue import Catalogue
from tests.support.recordings import excerpt

Connection = psycopg.Connection[Any]
BACKFILL = Backfill("classify_genres")


class CountingGenres:
    """The real classifier, counting how often it hears each recording."""

    def __init__(self, real: Any) -> None:
        self.heard: Counter[str] = Counter()
        self._real = real

    def classify(self, recording: Recording) -> list[GenrePrediction]:
        """Count, and classify."""
        self.heard[recording.file_id] += 1
        predictions: list[GenrePrediction] = self._real.classify(recording)
        return predictions


@pytest.fixture
def with_database(settings: Settings) -> Callable[[Callable[[Database], Awaitable[None]]], None]:
    """Runs an async function with connections to the test's database."""

    def run(steps: Callable[[Database], Awaitable[None]]) -> None:
        async def session() -> None:
            async with Database.open(str(settings.database_url)) as opened:
                await steps(opened)

        asyncio.run(session())

    return run


def ignore(_progress: InlineProgress) -> None:
    """Show nothing."""


def test_two_hear_each_recording_once(
    catalogue: Catalogue,
    connection: Connection,
    providers: Providers,
    with_database: Callable[..., None],
) -> None:
    names = ["calm_acoustic_1", "happy_acoustic_1", "tender_acoustic_1", "nostalgic_acoustic_1"]
    files = []
    for name in names:
        with excerpt(name).open("rb") as audio:
            files.append(providers.audio_store.put(audio, "opus").file_id)
    tracks = [catalogue.track(file_id, file_id=file_id, file_type="opus") for file_id in files]
    counting = CountingGenres(providers.genres)

    async def steps(opened: Database) -> None:
        job = genre_job(replace(providers, genres=counting))
        assert job is not None

        def work(track_id: int, file_id: str) -> Awaitable[bool]:
            return work_on_track(opened, providers.audio_store, job, (track_id, file_id))

        await asyncio.gather(*(InlineWork(opened, BACKFILL, work, ignore).run(tracks, 2) for _ in range(2)))

    with_database(steps)
    assert counting.heard == Counter(files)
    missing = connection.execute("select count(*) from search.unprocessed_tracks('classify_genres')").fetchone()
    assert missing == (0,)


def test_what_another_holds_is_waited_for_and_taken_when_that_one_dies(
    catalogue: Catalogue, database: str, with_database: Callable[..., None]
) -> None:
    held, free = catalogue.track("Held"), catalogue.track("Free")
    other = connect(database)
    claim = {"task": "classify_genres", "model": "", "track_id": held}
    assert other.execute(load_statement("claim_track"), claim).fetchone() is not None
    worked: list[int] = []

    async def work(track_id: int, _file_id: str) -> None:
        worked.append(track_id)

    def show(progress: InlineProgress) -> None:
        if progress.elsewhere and not other.closed:
            assert worked == [free] or not worked
            if worked:
                other.close()

    async def steps(opened: Database) -> None:
        await InlineWork(opened, BACKFILL, work, show).run([held, free], 1)

    with_database(steps)
    assert worked == [free, held]


def test_a_track_that_a_living_worker_has_begun_is_left_to_it(catalogue: Catalogue, connection: Connection) -> None:
    track = catalogue.track("Under Way")
    connection.execute(
        "with w as (insert into procrastinate_workers default values returning id) "
        "update procrastinate_jobs set status = 'doing', worker_id = (select id from w) "
        "where task_name = 'classify_genres'"
    )
    claim = {"task": "classify_genres", "model": "", "track_id": track}

    def claimed(task: str) -> bool:
        row = connection.execute(load_statement("claim_track"), claim | {"task": task}).fetchone()
        assert row is not None
        return bool(row[2])

    assert not claimed("classify_genres")
    assert claimed("embed_track")
    connection.execute("update procrastinate_workers set last_heartbeat = now() - interval '1 minute'")
    assert claimed("classify_genres")
    connection.execute("delete from tracks")
    assert connection.execute(load_statement("claim_track"), claim).fetchone() is None


def test_a_lost_database_ends_it_at_once(
    catalogue: Catalogue, connection: Connection, with_database: Callable[..., None]
) -> None:
    tracks = [catalogue.track(f"Track {number}") for number in range(5)]
    worked: list[int] = []

    async def work(track_id: int, _file_id: str) -> None:
        worked.append(track_id)
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
            "and datname = current_database()"
        )

    async def steps(opened: Database) -> None:
        with pytest.raises(DatabaseUnavailableError):
            await InlineWork(opened, BACKFILL, work, ignore).run(tracks, 1)

    with_database(steps)
    assert worked == tracks[:1]
