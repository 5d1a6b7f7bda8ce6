"""What the jobs on one track have in common: look at the track, work on its audio, store or say why not."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from procrastinate import JobContext

from app.observability.tracing import span
from models.audio.decoding import AudioError
from services.audio_store import Recording
from services.genres import ClassificationRefusedError
from services.metrics import JOBS
from workers.app import WorkerContext
from workers.retry import PermanentJobError


@dataclass(frozen=True)
class TrackJob:
    """One kind of work on a track's audio.

    Attributes:
        task: Name of the task, as in search.job_failures.
        model: Identity of the model that embeds; empty where the task has none.
        done: Column of the query ``job_track`` that is true when the result is stored already.
        work: Computes the result from the audio; runs in a thread, so that the worker's heartbeat goes on.
        statement: Name of the query that stores the result, only where the track still has this audio.
        parameters: What the statement needs beside ``track_id`` and ``file_id``.
    """

    task: str
    model: str
    done: str
    work: Callable[[Recording], object]
    statement: str
    parameters: Callable[[Any], dict[str, object]]


def worker_context(context: JobContext) -> WorkerContext:
    """What run_worker handed to its tasks."""
    return cast("WorkerContext", context.additional_context["worker"])


async def run_track_job(context: JobContext, job: TrackJob, *, track_id: int, file_id: str) -> None:
    """Run a job of the queue.

    Raises:
        PermanentJobError: The audio cannot be decoded, or a classifier refuses it.
        Exception: Anything else, after its reason was recorded; the queue retries.
    """
    track = (track_id, file_id)
    await work_on_track(worker_context(context), job, track, attempts=context.job.attempts + 1)


async def work_on_track(worker: WorkerContext, job: TrackJob, track: tuple[int, str], *, attempts: int = 1) -> bool:
    """Do the work of a job, in the queue or outside it.

    A repetition finds its result and stops, and so does one whose track or model has been given up.

    Args:
        worker: The database and the services.
        job: What to do.
        track: Its id, and the file_id that the work is for.
        attempts: How often it was tried, this time included.

    Returns:
        Whether there was anything to do.

    Raises:
        PermanentJobError: The audio cannot be decoded, or a classifier refuses it.
        Exception: Anything else, after its reason was recorded.
    """
    key: dict[str, object] = {"track_id": track[0], "file_id": track[1]}
    found = await worker.database.one_or_none("job_track", {**key, "identity": job.model})
    if found is None or (job.model and not found.wanted):
        return False
    if getattr(found, job.done):
        await _store(worker, job, key, None)
        return False
    try:
        recording = Recording(worker.providers.audio_store, track[1], found.file_type, address=found.r2_url)
        with span("job", {"task": job.task, "model": job.model}):
            await _store(worker, job, key, job.parameters(await asyncio.to_thread(job.work, recording)))
    except (AudioError, ClassificationRefusedError) as error:
        JOBS.labels(job.task, "refused").inc()
        await _record_failure(worker, job, key, str(error), permanent=True, attempts=attempts)
        raise PermanentJobError(f"track {track[0]}: {error}") from error
    except Exception as error:
        JOBS.labels(job.task, "failed").inc()
        reason = f"{type(error).__name__}: {error}"
        await _record_failure(worker, job, key, reason, permanent=False, attempts=attempts)
        raise
    JOBS.labels(job.task, "done").inc()
    return True


async def _store(
    worker: WorkerContext, job: TrackJob, key: dict[str, object], result: dict[str, object] | None
) -> None:
    """Store a result, unless it is there already, and forget what went wrong before."""
    async with worker.database.transaction() as transaction:
        if result is not None:
            await transaction.execute(job.statement, {**key, **result})
        cleared = {"track_id": key["track_id"], "task": job.task, "model": job.model}
        await transaction.execute("clear_job_failure", cleared)


async def _record_failure(  # noqa: PLR0913 - what a failure consists of
    worker: WorkerContext, job: TrackJob, key: dict[str, object], reason: str, *, permanent: bool, attempts: int
) -> None:
    failure = {"task": job.task, "model": job.model, "reason": reason, "permanent": permanent, "attempts": attempts}
    async with worker.database.transaction() as transaction:
        await transaction.execute("record_job_failure", {**key, **failure})
