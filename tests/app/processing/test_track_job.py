"""The work on one track, beside people who change it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import psycopg
import pytest

from app.database import connect, load_statement
from app.processing.track_job import FailedAttempt
from tests.support.catalogue import Catalogue
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
