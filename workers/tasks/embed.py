"""Embedding of recordings."""

from numpy import float32
from numpy.typing import NDArray
from pgvector import HalfVector
from procrastinate import JobContext

from app.providers import Providers
from services.audio_store import Recording
from workers.app import WorkerContext, app
from workers.retry import Backoff
from workers.track_job import TrackJob, run_track_job, worker_context


class ModelNotInstalledError(RuntimeError):
    """A job wants a model that this worker does not have; another worker may, or this one later."""


@app.task(name="embed_track", queue="embed", retry=Backoff(), pass_context=True)
async def embed_track(context: JobContext, *, track_id: int, file_id: str, model: str | None = None) -> None:
    """Embed a track's audio with one model and upsert the vector by (track, model).

    Args:
        context: The worker.
        track_id: The track.
        file_id: Its audio; a track that has other audio by now is left alone.
        model: Identity of the model; the one that serves when none is named.

    Raises:
        PermanentJobError: The audio cannot be decoded.
        ModelNotInstalledError: The model is not there.
    """
    worker = worker_context(context)
    job = embedding_job(worker.providers, model or await _serving(worker))
    await run_track_job(context, job, track_id=track_id, file_id=file_id)


def embedding_job(providers: Providers, identity: str) -> TrackJob:
    """The work of embedding a track with one model.

    Args:
        providers: Where the model is looked for.
        identity: The model; where it is not there the work raises ModelNotInstalledError.
    """

    def embed(recording: Recording) -> NDArray[float32]:
        provider = providers.embedding_of(identity)
        if provider is None:
            raise ModelNotInstalledError(f"the model {identity} is not installed where this worker runs")
        with recording.open() as audio:
            return provider.embed_audio(audio)

    def parameters(vector: NDArray[float32]) -> dict[str, object]:
        return {"embedding": HalfVector(vector).to_text(), "identity": identity}

    return TrackJob("embed_track", identity, "embedded", embed, "store_embedding", parameters)


async def _serving(worker: WorkerContext) -> str:
    serving = [row.identity for row in await worker.database.all("models_in_use") if row.serving]
    return serving[0] if serving else worker.providers.embedding.card.identity
