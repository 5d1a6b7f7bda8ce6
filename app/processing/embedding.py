"""Embedding of recordings."""

from numpy import float32
from numpy.typing import NDArray
from pgvector import HalfVector

from app.database import Database
from app.processing.track_job import TrackJob
from app.providers import Providers
from services.audio_store import Recording


class ModelNotInstalledError(RuntimeError):
    """A job wants a model that this worker does not have; another worker may, or this one later."""


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


async def serving_identity(database: Database, providers: Providers) -> str:
    """Identity of the model that serves, or of the configured one where none does."""
    serving = [row.identity for row in await database.all("models_in_use") if row.serving]
    return serving[0] if serving else providers.embedding.card.identity
