"""Periodic tasks that keep the queue and the search healthy."""

from procrastinate import JobContext

from app.search import upkeep
from workers.app import app
from workers.context import worker_context
from workers.stalled_jobs import rescue_stalled_jobs

UPKEEP = 10
"""`search.job_priority('upkeep')`: above uploads, however many come. The queue needs it before there is a database."""


@app.periodic(cron="* * * * *")
@app.task(name="retry_stalled_jobs", queue="urgent_upkeep", priority=UPKEEP, pass_context=True)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate passes it
    """Give jobs whose worker died back to the queue, or up after JOB_MAX_ATTEMPTS."""
    await rescue_stalled_jobs(context.app.job_manager, worker_context(context), context.job.id)


@app.periodic(cron="* * * * *")
@app.task(name="fold_track_counts", queue="urgent_upkeep", priority=UPKEEP, pass_context=True)
async def fold_track_counts(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - as above
    """Bring the counts of artists, albums, tags and playlists up to date, and of the words of their names."""
    database = worker_context(context).database
    await upkeep.fold_track_counts(database)
    # after it: a popularity that has changed counts for the words as well
    await upkeep.fold_word_counts(database)


@app.periodic(cron="29 * * * *")
@app.task(name="refresh_common_words", queue="upkeep", pass_context=True)
async def refresh_common_words(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - as above
    """Learn which words are common, from the statistics that autovacuum keeps."""
    await upkeep.refresh_common_words(worker_context(context).database)


@app.periodic(cron="17 * * * *")
@app.task(name="remove_finished_jobs", queue="upkeep", pass_context=True)
async def remove_finished_jobs(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - as above
    """Delete jobs that finished, well or badly, more than JOB_RETENTION_HOURS ago."""
    await context.app.job_manager.delete_old_jobs(
        nb_hours=worker_context(context).settings.job_retention_hours,
        include_failed=True,
        include_cancelled=True,
        include_aborted=True,
    )
