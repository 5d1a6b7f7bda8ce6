"""The one place where settings choose the implementation behind each service."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from numpy import float32
from numpy.typing import NDArray

from app.errors import UserError
from app.settings import Settings
from models.recent_results import RecentResults
from models.registry import BUNDLED_GENRES, ModelCard, Registry, UnknownModelError
from services.audio_store import AudioStore, LocalAudioStore
from services.clap.fetch import AudioFetcher
from services.clap.limits import Limits
from services.clap.service import EmbeddingService
from services.embedding import CachedText, EmbeddingProvider, InProcessEmbedding, RemoteEmbedding
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


def build_clap_service(settings: Settings) -> tuple[EmbeddingService, Limits]:
    """The CLAP service, whose model runs in this process; nothing is loaded yet.

    Raises:
        UserError: There is no model of CLAP_MODEL's name.
    """
    try:
        card = build_registry(settings).find(settings.clap_model)
    except UnknownModelError as error:
        raise UserError(f"CLAP_MODEL: {error}") from error
    limits = Limits(
        max_bytes=settings.clap_max_bytes,
        max_seconds=settings.clap_max_seconds,
        max_batch=settings.clap_max_batch,
        concurrency=settings.clap_concurrency,
    )
    provider = InProcessEmbedding(card, settings.run_options, max_seconds=settings.audio_max_seconds)
    fetcher = AudioFetcher(
        settings.clap_audio_origin_list, max_bytes=limits.max_bytes, max_seconds=limits.fetch_seconds
    )
    return EmbeddingService(provider, limits, fetcher), limits


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
        genres=InProcessGenres(
            registry.find_genre_model(BUNDLED_GENRES), settings.run_options, max_seconds=settings.audio_max_seconds
        ),
        embeddings=embeddings,
    )


def build_remote(settings: Settings, card: ModelCard) -> RemoteEmbedding | None:
    """The provider of a model that runs elsewhere; None for one that runs here.

    Raises:
        UserError: MODAL_ENABLED is true, and an address is missing.
    """
    addresses = _remote_addresses(settings)
    if addresses is None or card.name != settings.modal_model:
        return None
    audio_url, text_url = addresses
    return RemoteEmbedding(card, audio_url=audio_url, text_url=text_url, timeout_seconds=settings.modal_timeout_seconds)


def _embedding_builder(settings: Settings) -> Callable[[ModelCard], EmbeddingProvider]:
    """How the provider of a model is made: over HTTP for the one that MODAL_MODEL names, else here."""
    vectors: RecentResults[NDArray[float32]] = RecentResults(settings.text_cache_size)
    audibilities: RecentResults[float] = RecentResults(settings.text_cache_size)

    def build(card: ModelCard) -> EmbeddingProvider:
        provider = build_remote(settings, card) or InProcessEmbedding(
            card, settings.run_options, max_seconds=settings.audio_max_seconds
        )
        return CachedText(provider, vectors, audibilities)

    return build


def _remote_addresses(settings: Settings) -> tuple[str, str] | None:
    if not settings.modal_enabled:
        return None
    addresses = {
        "MODAL_EMBED_AUDIO_URL": settings.modal_embed_audio_url,
        "MODAL_EMBED_TEXT_URL": settings.modal_embed_text_url,
    }
    for name, address in addresses.items():
        if address is None:
            raise UserError(f"{name}: needed while MODAL_ENABLED is true")
    return str(settings.modal_embed_audio_url), str(settings.modal_embed_text_url)
