"""Which job goes first, however many wait."""

from typing import Any

import psycopg
import pytest

from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]

BACKFILL = 100_000


def test_reasons_are_ordered(connection: Connection) -> None:
    reasons = ["upkeep", "upload", "on_demand", "backfill", "model_switch"]
    row = connection.execute(
        "select array_agg(search.job_priority(r) order by n) from unnest(%s::text[]) with ordinality as u (r, n)",
        [reasons],
    ).fetchone()
    assert row is not None
    assert row[0] == sorted(set(row[0]), reverse=True)
    assert len(set(row[0])) == len(reasons)


def test_an_unknown_reason_is_refused(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="no job has the reason whim"):
        connection.execute("select search.job_priority('whim')")


def test_an_upload_is_the_next_job_behind_a_large_backfill(catalogue: Catalogue, connection: Connection) -> None:
    connection.execute(
        "insert into procrastinate_jobs (queue_name, task_name, priority, args) "
        "select 'embed', 'embed_track', search.job_priority('backfill'), jsonb_build_object('track_id', n) "
        "from generate_series(1, %s) as n",
        [BACKFILL],
    )
    connection.execute("analyze procrastinate_jobs")
    track = catalogue.track("Uploaded")
    worker = connection.execute("insert into procrastinate_workers default values returning id").fetchone()
    assert worker is not None
    fetched = [
        connection.execute(
            "select task_name, args ->> 'track_id' from procrastinate_fetch_job_v2(null, %s)", worker
        ).fetchone()
        for _ in range(2)
    ]
    assert fetched == [("embed_track", str(track)), ("classify_genres", str(track))]
    plan = connection.execute(
        "explain select from procrastinate_jobs j "
        "where j.status = 'todo' and (j.scheduled_at is null or j.scheduled_at <= now()) "
        "order by j.priority desc, j.id limit 1 for update skip locked"
    ).fetchall()
    text = "\n".join(row[0] for row in plan)
    assert "procrastinate_jobs_priority_idx_v1" in text
    assert "Seq Scan" not in text
