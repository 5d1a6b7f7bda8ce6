"""The one place where settings choose the implementation behind each service."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from numpy import float32
from numpy.typing import NDArray

from app.errors import UserError
from app.settings import Settings
from models.recent_results import RecentResults
from models.registry import ModelCard, Registry, UnknownModelError
from services.audio_store import AudioStore, LocalAudioStore
from services.embedding import CachedText, EmbeddingProvider, InProcessEmbedding
from services.genres import GenreClassifier, InProcessGenres


class Embeddings:
    """The embedding providers of a process, one a model, built when first asked for.

    Args:
        registry: The models that this installation knows.
        build: Makes the provider of one model.
    """

    def __init__(self, registry: Registry, build: Callable[[ModelCard], EmbeddingProvider]) -> None:
        self.registry = registry
        self._build = build
        self._built: dict[str, EmbeddingProvider] = {}
        self._building = Lock()

    def of_card(self, card: ModelCard) -> EmbeddingProvider:
        """The provider of a model."""
        with self._building:
            if card.identity not in self._built:
                self._built[card.identity] = self._build(card)
            return self._built[card.identity]

    def find(self, identity: str) -> EmbeddingProvider | None:
        """The provider of an identity, or None where this installation knows no such model."""
        card = self.registry.find_identity(identity)
        return None if card is None else self.of_card(card)


@dataclass(frozen=True)
class Providers:
    """The services that the web process and the workers use.

    Attributes:
        audio_store: Where recordings lie.
        embedding: The model of EMBEDDING_MODEL, which a new database serves.
        genres: Names genres.
        embeddings: Every other model.
    """

    audio_store: AudioStore
    embedding: EmbeddingProvider
    genres: GenreClassifier
    embeddings: Embeddings

    def embedding_of(self, identity: str) -> EmbeddingProvider | None:
        """The provider of a model identity, or None where this installation knows no such model."""
        if identity == self.embedding.card.identity:
            return self.embedding
        return self.embeddings.find(identity)


def build_registry(settings: Settings) -> Registry:
    """The models of the manifest and of MODELS_DIR, with the configured windows."""
    return Registry(settings.installed_models_dir, settings.window_hop_seconds, settings.audio_max_seconds)


def build_providers(settings: Settings) -> Providers:
    """Choose the services; nothing is loaded yet.

    Raises:
        UserError: A setting names something that does not exist, or one is missing.
    """
    registry = build_registry(settings)
    try:
        card = registry.find(settings.embedding_model)
    except UnknownModelError as error:
        raise UserError(f"EMBEDDING_MODEL: {error}") from error
    embeddings = Embeddings(registry, _embedding_builder(settings))
    return Providers(
        audio_store=LocalAudioStore(settings.audio_dir),
        embedding=embeddings.of_card(card),
        genres=InProcessGenres(threads=settings.model_threads, max_seconds=settings.audio_max_seconds),
        embeddings=embeddings,
    )


def _embedding_builder(settings: Settings) -> Callable[[ModelCard], EmbeddingProvider]:
    """How the provider of a model is made; all of a process keep their vectors of texts together."""
    vectors: RecentResults[NDArray[float32]] = RecentResults(settings.text_cache_size)
    audibilities: RecentResults[float] = RecentResults(settings.text_cache_size)

    def build(card: ModelCard) -> EmbeddingProvider:
        provider = InProcessEmbedding(card, settings.run_options, max_seconds=settings.audio_max_seconds)
        return CachedText(provider, vectors, audibilities)

    return build
