"""The tasks that workers know."""

from typing import Any

import psycopg

from workers.app import app

Connection = psycopg.Connection[Any]

UPKEEP, UPLOAD = "upkeep", "upload"

TASKS = {
    "embed_track": ("embed", UPLOAD, None),
    "classify_genres": ("classify", UPLOAD, None),
    "retry_stalled_jobs": ("urgent_upkeep", UPKEEP, "* * * * *"),
    "fold_track_counts": ("urgent_upkeep", UPKEEP, "* * * * *"),
    "advance_model_switch": ("upkeep", UPLOAD, "* * * * *"),
    "calibrate_sound": ("upkeep", UPLOAD, "* * * * *"),
    "remove_unused_audio": ("upkeep", UPLOAD, "* * * * *"),
    "draw_map": ("upkeep", UPLOAD, "*/5 * * * *"),
    "check_mirror": ("upkeep", UPLOAD, "*/10 * * * *"),
    "remove_finished_jobs": ("upkeep", UPLOAD, "17 * * * *"),
    "refresh_common_words": ("upkeep", UPLOAD, "29 * * * *"),
    "remove_unfinished_audio": ("upkeep", UPLOAD, "47 * * * *"),
}
"""Queue, reason of the priority, and times by name. Databases hold jobs of these names and queues."""


def test_names_queues_times_and_priorities_are_what_databases_hold(connection: Connection) -> None:
    app.perform_import_paths()  # type: ignore[no-untyped-call]  # procrastinate's own
    times = {periodic.task.name: periodic.cron for periodic in app.periodic_registry.periodic_tasks.values()}
    own = {name: task for name, task in app.tasks.items() if "builtin" not in name}
    known = {name: (task.queue, task.priority, times.get(name)) for name, task in own.items()}
    statement = "select reason, search.job_priority(reason) from unnest(array['upkeep', 'upload']) as reason"
    priorities = dict(connection.execute(statement).fetchall())
    assert known == {name: (queue, priorities[reason], cron) for name, (queue, reason, cron) in TASKS.items()}
