"""The one place where settings choose the implementation behind each service."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from numpy import float32
from numpy.typing import NDArray

from app.errors import UserError
from app.settings import Settings
from models.registry import ModelCard, Registry, UnknownModelError
from models.runtime.recent_results import RecentResults
from services.audio_store import AudioStore, Bucket, LocalAudioStore, PublicAddress, PublicAudioStore, S3AudioStore
from services.clap.fetch import AudioFetcher
from services.clap.limits import Limits
from services.clap.service import EmbeddingService
from services.embedding import CachedText, EmbeddingProvider, InProcessEmbedding, RemoteEmbedding
from services.genres import GenreClassifier, InProcessGenres, ReplicateGenres
from services.vector_mirror import NoMirror, VectorMirror
from services.viewer import ASYMMETRIC, SYMMETRIC, ApplicationViewers, NoViewers, TokenRules, Viewers


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
        genres: Names genres; None where that is switched off.
        embeddings: Every other model.
        mirror: Where the vectors are mirrored, if anywhere.
        viewers: Tells viewers by the credentials of the application; the web process alone has any.
    """

    audio_store: AudioStore
    embedding: EmbeddingProvider
    genres: GenreClassifier | None
    embeddings: Embeddings
    mirror: VectorMirror = field(default_factory=NoMirror)
    viewers: Viewers = field(default_factory=NoViewers)

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
        audio_store=build_audio_store(settings),
        embedding=embeddings.of_card(card),
        genres=_build_genres(settings, registry),
        embeddings=embeddings,
        mirror=build_mirror(settings),
    )


def build_mirror(settings: Settings) -> VectorMirror:
    """The mirror that the TURBOPUFFER_ settings describe; nothing is asked yet.

    Raises:
        UserError: A setting is missing or contradicts another, or the client is not installed.
    """
    if not settings.turbopuffer_enabled:
        if settings.vector_backend == "turbopuffer":
            raise UserError("TURBOPUFFER_ENABLED: VECTOR_BACKEND=turbopuffer needs a mirror, so set it to true")
        return NoMirror()
    if settings.turbopuffer_api_key is None:
        raise UserError("TURBOPUFFER_API_KEY: needed while TURBOPUFFER_ENABLED is true")
    try:
        from services.vector_mirror.turbopuffer import TurbopufferMirror  # noqa: PLC0415 - its client is an extra
    except ModuleNotFoundError as error:
        raise UserError(
            "TURBOPUFFER_ENABLED: turbopuffer's client is not installed: pip install 'vibe-search[turbopuffer]'"
        ) from error
    return TurbopufferMirror(
        settings.turbopuffer_api_key.get_secret_value(),
        region=settings.turbopuffer_region,
        base_url=settings.turbopuffer_base_url,
    )


def build_viewers(settings: Settings) -> Viewers:
    """Who tells viewers by the application's credentials, as the VIEWER_ settings describe; nothing is asked yet.

    Raises:
        UserError: A setting is missing, wrong, or contradicts another.
    """
    asked: Viewers = NoViewers()
    if settings.viewer_url is not None:
        asked = ApplicationViewers(
            settings.viewer_url,
            field=settings.viewer_field,
            cookie=settings.viewer_cookie,
            timeout_seconds=settings.viewer_timeout_seconds,
            cache_seconds=settings.viewer_cache_seconds,
        )
    return _build_token_viewers(settings, asked)


def _build_token_viewers(settings: Settings, otherwise: Viewers) -> Viewers:
    """Who verifies the application's JWTs, before others are asked; these alone where no JWT is verified here."""
    source, secret = settings.viewer_jwt_keys, settings.viewer_jwt_secret
    if source is None and secret is None:
        for name in ("viewer_jwt_issuer", "viewer_jwt_audience", "viewer_jwt_algorithms"):
            if getattr(settings, name) is not None:
                raise UserError(f"VIEWER_JWT_KEYS: needed with {name.upper()}, or VIEWER_JWT_SECRET")
        return otherwise
    # it imports cryptography, which takes a tenth of a second of every command
    from services.viewer.key_set import (  # noqa: PLC0415
        KeyTimes,
        RemoteKeySet,
        SharedSecret,
        VerificationKeys,
        file_key_set,
    )
    from services.viewer.signed_tokens import SignedTokenViewers  # noqa: PLC0415

    rules = _read_token_rules(settings)
    times = KeyTimes(wait_seconds=settings.viewer_timeout_seconds)
    keys: VerificationKeys
    if secret is not None:
        keys = SharedSecret(secret.get_secret_value().encode())
    elif str(source).startswith(("http://", "https://")):
        keys = RemoteKeySet(str(source), times)
    elif (path := Path(str(source))).is_file():
        keys = file_key_set(path, times)
    else:
        raise UserError(f"VIEWER_JWT_KEYS: {source} is no file, and no http or https address")
    return SignedTokenViewers(keys, rules, otherwise)


def _read_token_rules(settings: Settings) -> TokenRules:
    secret = settings.viewer_jwt_secret
    if secret is not None and settings.viewer_jwt_keys is not None:
        raise UserError("VIEWER_JWT_SECRET: set it or VIEWER_JWT_KEYS, not both")
    allowed, usual = (ASYMMETRIC, "RS256, PS256, ES256, EdDSA") if secret is None else (SYMMETRIC, "HS256")
    algorithms = frozenset(_parts(settings.viewer_jwt_algorithms or usual))
    if not algorithms or not algorithms <= allowed:
        raise UserError(f"VIEWER_JWT_ALGORITHMS: choose among {', '.join(sorted(allowed))}")
    if secret is not None:
        least = max(int(name[2:]) for name in algorithms) // 8
        if len(secret.get_secret_value().encode()) < least:
            raise UserError(f"VIEWER_JWT_SECRET: needs {least} bytes or more for {', '.join(sorted(algorithms))}")
    return TokenRules(
        algorithms=algorithms,
        issuer=settings.viewer_jwt_issuer,
        audiences=_parts(settings.viewer_jwt_audience or ""),
        claim=settings.viewer_jwt_claim,
        leeway_seconds=settings.viewer_jwt_leeway_seconds,
    )


def _parts(text: str) -> tuple[str, ...]:
    """The words between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def build_audio_store(settings: Settings) -> AudioStore:
    """The store that AUDIO_STORE and the R2_ settings describe; nothing is asked yet.

    Raises:
        UserError: A setting is missing or wrong.
    """
    if settings.audio_store == "local":
        return LocalAudioStore(settings.audio_dir)
    public = read_public_address(settings)
    writing = {
        "R2_ENDPOINT_URL": settings.r2_endpoint_url,
        "R2_BUCKET": settings.r2_bucket,
        "R2_ACCESS_KEY_ID": settings.r2_access_key_id,
        "R2_SECRET_ACCESS_KEY": settings.r2_secret_access_key and settings.r2_secret_access_key.get_secret_value(),
    }
    if public is not None and not any(writing.values()):
        return PublicAudioStore(public)
    for name, value in writing.items():
        if not value:
            raise UserError(
                f"{name}: needed with AUDIO_STORE=s3; to read only, set R2_PUBLIC_BUCKET_URL and none of "
                + ", ".join(writing)
            )
    endpoint, bucket, key_id, secret = (str(value) for value in writing.values())
    return S3AudioStore(Bucket(_endpoint(endpoint), bucket, settings.r2_region, key_id, secret, public))


def read_public_address(settings: Settings) -> PublicAddress | None:
    """Where everybody can read the audio; None where that is nowhere.

    Raises:
        UserError: R2_PUBLIC_BUCKET_URL is not an address.
    """
    if settings.audio_store == "local" or settings.r2_public_bucket_url is None:
        return None
    try:
        return PublicAddress.parse(settings.r2_public_bucket_url)
    except ValueError as error:
        raise UserError(f"R2_PUBLIC_BUCKET_URL: {error}") from error


def _build_genres(settings: Settings, registry: Registry) -> GenreClassifier | None:
    """Who names genres, if anybody does."""
    if settings.replicate_enabled or settings.genre_provider == "replicate":
        token = settings.replicate_api_token
        if token is None:
            raise UserError(
                "REPLICATE_API_TOKEN: needed while Replicate names genres (REPLICATE_ENABLED, GENRE_PROVIDER)"
            )
        return ReplicateGenres(
            token.get_secret_value(),
            version=settings.replicate_model_version,
            top=settings.replicate_top_n,
            timeout_seconds=settings.replicate_timeout_seconds,
            base_url=settings.replicate_base_url,
        )
    if settings.genre_provider == "none":
        return None
    return InProcessGenres(
        registry.find_genre_model(settings.genre_provider),
        settings.run_options,
        max_seconds=settings.audio_max_seconds,
        top=settings.replicate_top_n,
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
    # the bundled model has a measure of its own for what speaks of sound, and its text half is small and here
    local = InProcessEmbedding(card, settings.run_options, max_seconds=settings.audio_max_seconds)
    return RemoteEmbedding(
        card,
        audio_url=audio_url,
        text_url=text_url,
        timeout_seconds=settings.modal_timeout_seconds,
        sound_relatedness=local.sound_relatedness if card.bundled else None,
    )


def _embedding_builder(settings: Settings) -> Callable[[ModelCard], EmbeddingProvider]:
    """How the provider of a model is made: over HTTP for the one that MODAL_MODEL names, else here."""
    vectors: RecentResults[NDArray[float32]] = RecentResults(settings.text_cache_size)
    sound_relatedness: RecentResults[float] = RecentResults(settings.text_cache_size)

    def build(card: ModelCard) -> EmbeddingProvider:
        provider = build_remote(settings, card) or InProcessEmbedding(
            card, settings.run_options, max_seconds=settings.audio_max_seconds
        )
        return CachedText(provider, vectors, sound_relatedness)

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


def _endpoint(url: str) -> str:
    try:
        endpoint = PublicAddress.parse(url).base
    except ValueError as error:
        raise UserError(f"R2_ENDPOINT_URL: {error}") from error
    if urlsplit(endpoint).path:
        raise UserError("R2_ENDPOINT_URL: give the address without the bucket, whose name is R2_BUCKET")
    return endpoint
