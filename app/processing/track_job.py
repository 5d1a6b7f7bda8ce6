"""The work on one track, in the queue or outside it: look at the track, work on its audio, store or say why not."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from app.database import Database, Session
from app.observability.tracing import span
from models.audio.abandonment import Abandonment
from models.audio.decoding import AudioError
from services.audio_store import AudioMissingError, AudioStore, Recording
from services.genres import ClassificationRefusedError
from services.metrics import JOBS


class PermanentJobError(Exception):
    """The job would fail again in the same way; the message is a reason that a person understands."""


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


_NOT_THEIRS = "a private or supporters-only track of another artist has this audio: the track's artist has to upload it"


@dataclass(frozen=True)
class FailedAttempt:
    """An attempt at a job on a track that has failed.

    Attributes:
        track_id: The track.
        file_id: The audio that the work was for.
        task: Name of the task.
        model: Identity of the model that embeds; empty where the task has none.
        reason: Why it failed, in words.
        permanent: Whether another attempt would fail in the same way.
        attempts: How often it was tried, this time included.
    """

    track_id: int
    file_id: str
    task: str
    model: str
    reason: str
    permanent: bool
    attempts: int


async def work_on_track(
    database: Database, store: AudioStore, job: TrackJob, track: tuple[int, str], *, attempts: int = 1
) -> bool:
    """Do the work of a job, in the queue or outside it.

    A repetition finds its result and stops, and so does one whose track or model has been given up.

    Args:
        database: The database.
        store: Where the audio is.
        job: What to do.
        track: Its id, and the file_id that the work is for.
        attempts: How often it was tried, this time included.

    Returns:
        Whether there was anything to do.

    Raises:
        PermanentJobError: The audio cannot be decoded, is another artist's, or a classifier refuses it.
        AudioMissingError: The store does not have the audio, perhaps not yet; that was recorded.
        Exception: Anything else, after its reason was recorded.
    """
    key: dict[str, object] = {"track_id": track[0], "file_id": track[1]}
    found = await database.one_or_none("job_track", {**key, "identity": job.model})
    if found is None or (job.model and not found.wanted):
        return False
    if getattr(found, job.done):
        await _store(database, job, key, None)
        return False
    try:
        recording = _find(store, track[1], found)
        # a job that is cancelled, when its worker stops, ends its decoder
        with span("job", {"task": job.task, "model": job.model}), Abandonment() as abandonment:
            result = await asyncio.to_thread(abandonment.run, job.work, recording)
            await _store(database, job, key, job.parameters(result))
    except (AudioError, ClassificationRefusedError) as error:
        failed = FailedAttempt(*track, job.task, job.model, str(error), permanent=True, attempts=attempts)
        await _note_failure(database, failed, "refused")
        raise PermanentJobError(f"track {track[0]}: {error}") from error
    except Exception as error:
        missing = isinstance(error, AudioMissingError)
        reason = str(error) if missing else f"{type(error).__name__}: {error}"
        failed = FailedAttempt(*track, job.task, job.model, reason, permanent=False, attempts=attempts)
        await _note_failure(database, failed, "awaiting_audio" if missing else "failed")
        raise
    JOBS.labels(job.task, "done").inc()
    return True


def _find(store: AudioStore, file_id: str, found: Any) -> Recording:  # noqa: ANN401 - a row of job_track
    if not found.may_open:
        raise AudioError(_NOT_THEIRS)
    return Recording(store, file_id, found.file_type, address=found.r2_url)


async def _note_failure(database: Database, failed: FailedAttempt, outcome: str) -> None:
    JOBS.labels(failed.task, outcome).inc()
    async with database.transaction() as transaction:
        await record_failure(transaction, failed)


async def record_failure(session: Session, failed: FailedAttempt) -> None:
    """Keep why the last attempt failed; nothing is kept where the track has gone or has other audio."""
    await session.execute("record_job_failure", asdict(failed))


async def _store(database: Database, job: TrackJob, key: dict[str, object], result: dict[str, object] | None) -> None:
    """Store a result, unless it is there already, and forget what went wrong before."""
    async with database.transaction() as transaction:
        if result is not None:
            await transaction.execute(job.statement, {**key, **result})
        cleared = {"track_id": key["track_id"], "task": job.task, "model": job.model}
        await transaction.execute("clear_job_failure", cleared)
