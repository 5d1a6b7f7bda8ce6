"""Embedding of recordings."""

import logging

from procrastinate import JobContext

from app.processing.calibration import calibrate_after_last_job
from app.processing.embedding import embedding_job, serving_identity
from workers.app import app
from workers.context import worker_context
from workers.retry import Backoff
from workers.track_job import run_track_job

_log = logging.getLogger(__name__)


@app.task(name="embed_track", queue="embed", retry=Backoff(), pass_context=True)
async def embed_track(context: JobContext, *, track_id: int, file_id: str, model: str | None = None) -> None:
    """Embed a track's audio with one model and upsert the vector by (track, model).

    Args:
        context: The worker.
        track_id: The track.
        file_id: Its audio; a track that has other audio now is left alone.
        model: Identity of the model; the one that serves when none is named.

    Raises:
        PermanentJobError: The audio cannot be decoded.
        ModelNotInstalledError: The model is not there.
    """
    worker = worker_context(context)
    identity = model or await serving_identity(worker.database, worker.providers)
    await run_track_job(context, embedding_job(worker.providers, identity), track_id=track_id, file_id=file_id)
    try:
        await calibrate_after_last_job(worker.database, worker.providers, identity)
    except Exception:  # noqa: BLE001 - whatever it was, the periodic task tries again
        _log.exception("the model %s could not be calibrated after its last job", identity)
