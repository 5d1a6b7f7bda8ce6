"""Jobs whose worker died: given back to the queue, or given up."""

from typing import Any

from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from psycopg.errors import RaiseException

from app.database import Database
from app.processing.track_job import FailedAttempt, record_failure
from workers.context import WorkerContext
from workers.retry import may_retry, queue_of


async def rescue_stalled_jobs(queue: JobManager, worker: WorkerContext, rescuer: int | None) -> None:
    """Give jobs whose worker died back to the queue; procrastinate finds them but leaves that to us.

    One that was begun JOB_MAX_ATTEMPTS times and never ended is given up: it may be what kills them.

    Args:
        queue: Finds them.
        worker: The database and the limit.
        rescuer: The job that does this, which is left alone.
    """
    for job in await queue.get_stalled_jobs():
        if job.id != rescuer:
            try:
                if may_retry(job, worker.settings.job_max_attempts):
                    await queue.retry_job(job, queue=queue_of(job))
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
        arguments: dict[str, Any] = job.task_kwargs
        if failed and "track_id" in arguments:
            attempt = FailedAttempt(
                track_id=arguments["track_id"],
                file_id=arguments["file_id"],
                task=job.task_name,
                model=arguments.get("model") or "",
                reason=f"its worker died {job.attempts + 1} times while it worked on this",
                permanent=False,
                attempts=job.attempts + 1,
            )
            await record_failure(transaction, attempt)
