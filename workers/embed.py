"""Embedding of recordings."""

from numpy import float32
from numpy.typing import NDArray
from pgvector import HalfVector
from procrastinate import JobContext

from app.database import load_query
from workers.app import app
from workers.retry import Backoff
from workers.track_job import TrackJob, run_track_job, worker_context


@app.task(name="embed_track", queue="embed", retry=Backoff(), pass_context=True)
async def embed_track(context: JobContext, *, track_id: int, file_id: str) -> None:
    """Embed a track's audio with the configured model and upsert the vector by (track, model).

    Raises:
        PermanentJobError: The audio cannot be decoded.
    """
    embedding = worker_context(context).providers.embedding

    def parameters(vector: NDArray[float32]) -> dict[str, object]:
        return {"embedding": HalfVector(vector).to_text(), "identity": embedding.card.identity}

    job = TrackJob("embed_track", "embedded", embedding.embed_audio, load_query("store_embedding"), parameters)
    await run_track_job(context, job, track_id=track_id, file_id=file_id)
