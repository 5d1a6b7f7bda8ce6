"""What the jobs on one track have in common: look at the track, work on its audio, store or say why not."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from procrastinate import JobContext
from sqlalchemy import Row, TextClause

from app.database import load_query
from models.audio import AudioError
from services.audio_store import Recording
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
        statement: Stores the result, only where the track still has this audio.
        parameters: What the statement needs beside ``track_id`` and ``file_id``.
    """

    task: str
    model: str
    done: str
    work: Callable[[Recording], object]
    statement: TextClause
    parameters: Callable[[Any], dict[str, object]]


def worker_context(context: JobContext) -> WorkerContext:
    """What run_worker handed to its tasks."""
    return cast("WorkerContext", context.additional_context["worker"])


async def run_track_job(context: JobContext, job: TrackJob, *, track_id: int, file_id: str) -> None:
    """Run a job; a repetition finds its result and stops, and so does one whose track or model has been given up.

    Raises:
        PermanentJobError: The audio cannot be decoded.
        Exception: Anything else, after its reason was recorded; the queue retries.
    """
    worker = worker_context(context)
    key: dict[str, object] = {"track_id": track_id, "file_id": file_id}
    async with worker.engine.connect() as connection:
        track = (await connection.execute(load_query("job_track"), {**key, "identity": job.model})).one_or_none()
    if track is None or (job.model and not track.wanted):
        return
    parameters = None if getattr(track, job.done) else {**key, **job.parameters(await _work(context, job, key, track))}
    async with _transaction(worker) as connection:
        if parameters is not None:
            await connection.execute(job.statement, parameters)
        cleared = {"track_id": track_id, "task": job.task, "model": job.model}
        await connection.execute(load_query("clear_job_failure"), cleared)


async def _work(context: JobContext, job: TrackJob, key: dict[str, object], track: Row[Any]) -> object:
    worker = worker_context(context)
    try:
        recording = Recording(worker.providers.audio_store, track.file_id, track.file_type, address=track.r2_url)
        return await asyncio.to_thread(job.work, recording)
    except AudioError as error:
        await _record_failure(context, job, key, str(error), permanent=True)
        raise PermanentJobError(f"track {key['track_id']}: {error}") from error
    except Exception as error:
        await _record_failure(context, job, key, f"{type(error).__name__}: {error}", permanent=False)
        raise


async def _record_failure(
    context: JobContext, job: TrackJob, key: dict[str, object], reason: str, *, permanent: bool
) -> None:
    attempts = context.job.attempts + 1
    async with _transaction(worker_context(context)) as connection:
        await connection.execute(
            load_query("record_job_failure"),
            {
                **key,
                "task": job.task,
                "model": job.model,
                "reason": reason,
                "permanent": permanent,
                "attempts": attempts,
            },
        )


def _transaction(worker: WorkerContext) -> Any:  # noqa: ANN401 - SQLAlchemy's private context manager
    return worker.engine.execution_options(isolation_level="READ COMMITTED").begin()
