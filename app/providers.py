"""The one place where settings choose the implementation behind each service."""

from dataclasses import dataclass

from app.errors import UserError
from app.settings import Settings
from models.registry import UnknownModelError
from services.audio_store import AudioStore, LocalAudioStore
from services.embedding import EmbeddingProvider, InProcessEmbedding
from services.genres import GenreClassifier, InProcessGenres


@dataclass(frozen=True)
class Providers:
    """The services that the web process and the workers use."""

    audio_store: AudioStore
    embedding: EmbeddingProvider
    genres: GenreClassifier


def build_providers(settings: Settings) -> Providers:
    """Choose the services; nothing is loaded yet.

    Raises:
        UserError: A setting names something that does not exist.
    """
    try:
        embedding = InProcessEmbedding(
            settings.embedding_model,
            threads=settings.model_threads,
            max_seconds=settings.audio_max_seconds,
        )
    except UnknownModelError as error:
        raise UserError(f"EMBEDDING_MODEL: {error}") from error
    return Providers(
        audio_store=LocalAudioStore(settings.audio_dir),
        embedding=embedding,
        genres=InProcessGenres(threads=settings.model_threads, max_seconds=settings.audio_max_seconds),
    )
