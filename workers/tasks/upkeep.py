"""Periodic tasks that keep the queue itself healthy."""

from procrastinate import JobContext
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from psycopg.errors import RaiseException

from app.database import Database
from workers.app import app
from workers.track_job import worker_context

UPKEEP = 10
"""Above uploads: however many of them come, the queue is kept healthy. See search.job_priority."""


@app.periodic(cron="* * * * *")
@app.task(name="retry_stalled_jobs", queue="upkeep", priority=UPKEEP, pass_context=True)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate passes it
    """Give jobs whose worker died back to the queue; procrastinate finds them but leaves that to us.

    One that was begun JOB_MAX_ATTEMPTS times and never ended is given up: it may be what kills them.
    """
    queue, worker = context.app.job_manager, worker_context(context)
    for job in await queue.get_stalled_jobs():
        if job.id != context.job.id:
            try:
                if job.attempts + 1 < worker.settings.job_max_attempts:
                    await queue.retry_job(job)
                else:
                    await _give_up(worker.database, job)
            except ConnectorException as error:
                # several workers rescue at the same minute: the second one finds the job running again
                if not isinstance(error.__cause__, RaiseException):
                    raise


async def _give_up(database: Database, job: Job) -> None:
    """Fail a job that has outlived its attempts and record why, in one transaction."""
    async with database.transaction() as transaction:
        failed = await transaction.execute("fail_job", {"job_id": job.id, "attempts": job.attempts})
        if failed and "track_id" in job.task_kwargs:
            failure = {
                "track_id": job.task_kwargs["track_id"],
                "file_id": job.task_kwargs["file_id"],
                "task": job.task_name,
                "model": job.task_kwargs.get("model") or "",
                "reason": f"its worker died {job.attempts + 1} times while it worked on this",
                "permanent": False,
                "attempts": job.attempts + 1,
            }
            await transaction.execute("record_job_failure", failure)


@app.periodic(cron="* * * * *")
@app.task(name="fold_track_counts", queue="upkeep", priority=UPKEEP, pass_context=True)
async def fold_track_counts(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - as above
    """Bring the counts of artists, albums, tags and playlists up to date, and with them their popularity."""
    async with worker_context(context).database.transaction() as transaction:
        await transaction.execute("fold_track_counts")


@app.periodic(cron="29 * * * *")
@app.task(name="refresh_common_words", queue="upkeep", pass_context=True)
async def refresh_common_words(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - as above
    """Learn which words are common by now, from the statistics that autovacuum keeps."""
    async with worker_context(context).database.transaction() as transaction:
        await transaction.execute("refresh_common_words")


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
